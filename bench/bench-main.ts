import { readFileSync, writeFileSync } from 'node:fs'
import { RedisServer } from '../cluster/redis.ts'
import { DEFAULTS, type Options, readOptions } from './bench-options.ts'
import { optionsOrExit } from './command.ts'
import { installPeer } from './jitter-peer.ts'
import type { Bench } from './suite/bench.ts'
import { writeDocument } from './suite/document.ts'
import { compileFloor } from './suite/floor.ts'
import { describeMachine } from './suite/machine.ts'
import { toMarkdown } from './suite/markdown.ts'
import { isMet, type Result } from './suite/result.ts'
import { SCENARIOS } from './suite/scenarios.ts'
import { floor, socketIo, textbook, tidegate } from './suite/servers.ts'

/** `npm run bench`: what the gateway costs, beside its peers in the same run. */
const HELP = `Measures the gateway beside Socket.IO with its Redis adapter (installed beside the bench, once), a textbook ws and
ioredis server, and a C program that sends once per delivery (where there is a compiler). Fresh processes each round,
windows of a second that take turns, CPU as the kernel counts it.

  npm run bench -- [--only a,b] [--rounds n] [--quick] [--out file.json] [--with file.json] [--write]

${Object.entries(SCENARIOS).map(([id, { what }]) => `  (${id})  ${what}`).join('\n')}

  --only a,b   these alone
  --rounds n   fresh processes of each server (default 5; 2 with --quick)
  --quick      shorter, and rougher
  --out file   every single measurement, as JSON
  --with file  for the scenarios that are not run, what an earlier run wrote with --out
  --write      docs/performance.md anew, with plots, and with these scenarios alone
  --help       this

Linux. Exit code 0 where it ran, whether bars were met or not; 1 where it could not, 2 where it was called wrongly.
`

const options = optionsOrExit('bench', HELP, DEFAULTS, (given) => readOptions(given, Object.keys(SCENARIOS)))
const results: Result[] = []
try {
  await run(options)
  process.exit(0)
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).stack}\n`)
  process.exit(1)
}

async function run ({ only, rounds, isQuick, out, earlier, write }: Options): Promise<void> {
  installPeer()
  const program = await compileFloor()
  if (program === undefined) say('no C compiler (cc), or no epoll: the floor is left out')
  const redis = await RedisServer.start()
  const bench: Bench = {
    rounds,
    isQuick,
    redisUrl: redis.url,
    redisPid: redis.child!.pid,
    ours: tidegate(),
    merging: tidegate('Tidegate, FLUSH_MS=5', { FLUSH_MS: '5' }),
    socketIo,
    textbook,
    floor: program === undefined ? undefined : floor(program),
    say
  }
  const machine = describeMachine()
  process.stdout.write(`${machine.join('\n')}\n`)
  for (const id of only) {
    say(`(${id}) ${SCENARIOS[id]!.what}`)
    const result = await SCENARIOS[id]!.run(bench)
    results.push(result)
    process.stdout.write(`\n${toMarkdown(result)}\n`)
    if (out !== undefined) writeFileSync(out, JSON.stringify({ machine, results }, null, 1))
  }
  const all = results.flatMap(({ verdicts }) => verdicts).filter(({ value }) => Number.isFinite(value))
  process.stdout.write(`\n${all.filter(isMet).length} of ${all.length} bars met\n`)
  if (write) say(`written: ${writeDocument(machine, command(), [...earlierOf(earlier, only), ...results])}`)
  await redis.stop()
}

/** What an earlier run found, without what has been measured anew. */
function earlierOf (file: string | undefined, only: readonly string[]): Result[] {
  if (file === undefined) return []
  const { results } = JSON.parse(readFileSync(file, 'utf8')) as { results: Result[] }
  return results.filter(({ id }) => !only.includes(id))
}

function command (): string {
  return ['npm run bench --', ...process.argv.slice(2)].join(' ')
}

function say (text: string): void {
  process.stderr.write(`${new Date().toTimeString().slice(0, 8)}  ${text}\n`)
}
