import { cpus } from 'node:os'
import { integer } from '../cluster/options.ts'
import { fromBuild, type Launcher, Replica } from '../cluster/replica.ts'
import { onInterrupt, optionsOrExit } from './command.ts'
import { FLOODS } from './floods/attacks.ts'
import { isBarMet, report, verdict } from './floods/report.ts'
import { fillRoom, runFlood } from './floods/run.ts'
import { GENERATORS_CPU, pinMainThread, pinned, pinSelf, SERVERS_CPU } from './suite/pin.ts'
import { MEASURED } from './suite/servers.ts'

/** `npm run floods`: what is left of a gateway while it is flooded. */
const HELP = `Floods one gateway from one address, in all the ways below, and tells what others notice of it: memory, how late
the event loop is, how long their acks take, before, during and after. The gateway's event loop has a processor of its
own, where there are two: who floods it from elsewhere takes nothing of that. V8's helper threads, which collect garbage
and compile, run on the other one, as they would on a machine with more.

  npm run floods -- [--only a,b] [--warm n] [--rounds n] [--seconds n] [--flooder idle|normal]

${Object.entries(FLOODS).map(([name, { what }]) => `  ${name.padEnd(10)} ${what}`).join('\n')}

  --only a,b    these alone
  --warm n      quiet and flooded windows of each, by turns, that do not count: what never ran before is compiled
                meanwhile; the first two are told as the cold ones (default 3)
  --rounds n    quiet and flooded windows of each, by turns, that count (default 5)
  --seconds n   of each window (default 4)
  --flooder as  idle (default): it runs only where nobody else wants the processor, because an attacker has a machine of
                its own; normal: like everyone else, for a machine that has more to do
  --help        this

Exit code 0 where each was ended as it should be, nothing was left of it and nobody else was refused; 1 otherwise, 2 where
it was called wrongly. That others wait no longer than twice as long is a bar: it is told, and does not fail.
`

// A reader that takes nothing is ended within the window, not after 30 s.
const SETTINGS = { STALL_TIMEOUT_MS: '2000', TRUST_PROXY: '127.0.0.1' }
const defaults = { only: Object.keys(FLOODS).join(','), warm: '3', rounds: '5', seconds: '4', flooder: 'idle' }
const { only, ...plan } = optionsOrExit('floods', HELP, defaults, (values) => ({
  only: namesIn(values.only),
  warmRounds: integer('--warm', values.warm, 0, 100),
  rounds: integer('--rounds', values.rounds, 1, 100),
  seconds: integer('--seconds', values.seconds, 1, 600),
  isIdle: isIdle(values.flooder)
}))
onInterrupt(() => 'interrupted')
// Here are those who mean well.
pinSelf(GENERATORS_CPU)
process.stdout.write(`${cpus().length} × ${cpus()[0]!.model}, Node ${process.version}\n`)
const measured: Launcher = (settings) => {
  const { command, args, env } = fromBuild(settings)
  return { ...pinned(GENERATORS_CPU, { command, args: [...MEASURED, ...args] }), env }
}
const replica = new Replica('flooded', measured, SETTINGS, () => {})
await replica.start()
pinMainThread(replica.child.pid, SERVERS_CPU)
await fillRoom(`${replica.http.replace('http', 'ws')}/ws`)
let isWell = true
let barsMet = 0
for (const name of only) {
  const result = await runFlood(name, replica, plan)
  const wrong = verdict(result)
  process.stdout.write(`\n${report(result)}\n${wrong.map((what) => `  NOT OK: ${what}\n`).join('')}`)
  isWell &&= wrong.length === 0
  if (isBarMet(result)) barsMet++
}
process.stdout.write(`\n${barsMet} of ${only.length} floods were kept from others\n`)
const { code } = await replica.stop('SIGINT') ?? {}
process.exit(isWell && code === 0 ? 0 : 1)

function isIdle (flooder: string): boolean {
  if (flooder !== 'idle' && flooder !== 'normal') throw new Error('--flooder: must be idle or normal')
  return flooder === 'idle'
}

function namesIn (text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !Object.hasOwn(FLOODS, name))
  if (unknown !== undefined) throw new Error(`--only: there is no flood ${JSON.stringify(unknown)}`)
  return names
}
