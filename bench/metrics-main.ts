import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { integer } from '../cluster/options.ts'
import { optionsOrExit } from './command.ts'
import type { HubRun } from './hub-cost.ts'

/** `npm run metrics-cost`: what it costs a delivery to be counted. */
const HELP = `What the figures of /metrics cost a delivery, as a share of one.

  npm run metrics-cost -- [--rounds n]

The hub is measured as it is, and as a copy out of which every line that counts was taken, by turns; every message is of
this replica's own clients, and every delivery has a write to itself: the most that is ever counted. What a delivery costs
altogether is measured beside it, through sockets.

  --rounds n    (default 9)
  --help        this

Exit code 0 where counting takes less than 3 % of a delivery, 1 where it takes more, 2 where it was called wrongly.
`

const MAX_SHARE = 0.03
const DELIVERIES = 1_000_000
const SOCKET_DELIVERIES = 200_000
const CROWDS = [200, 1]
const SRC = fileURLToPath(new URL('../src/', import.meta.url))
// Statements that count, and nothing else, each on a line of its own.
const COUNTING = /^\s*this\.(?:[\w.#]*\bcounts\.[^\n]*|#frames(?:\+\+| = 0));\n/gm

const { rounds } = optionsOrExit('metrics-cost', HELP, { rounds: '9' }, (values) => ({
  rounds: integer('--rounds', values.rounds, 1, 1_000)
}))
process.stdout.write(`${cpus().length} × ${cpus()[0]!.model}, Node ${process.version}\n`)
const folder = mkdtempSync(join(tmpdir(), 'tidegate-metrics-'))
const sink = spawn(process.execPath, ['-e', `require('net').createServer((socket) => socket.on('error', () => {}).resume())
  .listen(0, '127.0.0.1', function () { console.log(this.address().port) })`], { stdio: ['ignore', 'pipe', 'inherit'] })
try {
  const port = Number(String((await once(sink.stdout, 'data'))[0]))
  const removed = copyUncounted()
  process.stdout.write(`${removed} lines count\n`)
  const shares: number[] = []
  for (const members of CROWDS) shares.push(await compare(members, port))
  process.exitCode = Math.max(...shares) < MAX_SHARE ? 0 : 1
} finally {
  sink.kill()
  rmSync(folder, { recursive: true })
}

/** The share that counting has in a delivery to one of so many members. */
async function compare (members: number, port: number): Promise<number> {
  const counted: number[] = []
  const uncounted: number[] = []
  const whole: number[] = []
  for (let round = 1; round <= rounds; round++) {
    // By turns, because machines are fast and slow by turns; and each in a thread of its own, which compiles anew.
    counted.push(await cost({ isCounting: true, members, messages: DELIVERIES / members, port: undefined }))
    uncounted.push(await cost({ isCounting: false, members, messages: DELIVERIES / members, port: undefined }))
    whole.push(await cost({ isCounting: true, members, messages: SOCKET_DELIVERIES / members, port }))
  }
  // The best of each: what else a machine does only ever adds to it.
  const [countedNs, uncountedNs, wholeNs] = [Math.min(...counted), Math.min(...uncounted), Math.min(...whole)]
  const costNs = countedNs - uncountedNs
  const share = costNs / wholeNs
  process.stdout.write(`${members} member${members === 1 ? '' : 's'}: a delivery takes ${wholeNs.toFixed(0)} ns of CPU time; ` +
    `in the hub ${countedNs.toFixed(1)} ns, and ${uncountedNs.toFixed(1)} ns without counting: ` +
    `${costNs.toFixed(1)} ns, ${(share * 100).toFixed(2)} % of a delivery\n`)
  return share
}

async function cost (run: Omit<HubRun, 'hubUrl'>): Promise<number> {
  const hubUrl = pathToFileURL(join(run.isCounting ? SRC : folder, 'hub', '/')).href
  const worker = new Worker(new URL('hub-cost.js', import.meta.url), { workerData: { ...run, hubUrl } })
  const [ns] = await once(worker, 'message') as [number]
  await worker.terminate()
  return ns
}

/** The hub without the lines that count. @returns how many there were */
function copyUncounted (): number {
  for (const name of ['hub', 'protocol']) cpSync(join(SRC, name), join(folder, name), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  let removed = 0
  for (const name of readdirSync(join(folder, 'hub')).filter((file) => file.endsWith('.js'))) {
    const file = join(folder, 'hub', name)
    const source = readFileSync(file, 'utf8')
    removed += source.match(COUNTING)?.length ?? 0
    writeFileSync(file, source.replace(COUNTING, ''))
  }
  return removed
}
