import { integer } from '../cluster/options.ts'
import { type ChaosResult, LEGEND, report, runChaos } from './chaos.ts'
import { MAX_SEED, onInterrupt, optionsOrExit } from './command.ts'
import { type Fault, FAULTS, faultsNamed } from './faults.ts'

/** `npm run chaos`: faults strike on a schedule that the seed decides, and no message may be lost without a word. */
const HELP = `Clients and publishers over three replicas and one Redis, while faults strike, one after the other and in pairs:
Redis killed, rewound, frozen, muted, full, failed over; replicas killed, frozen, rolled; clients cut.

  npm run chaos -- [--seconds n] [--seeds n,n] [--clients n] [--rate n] [--only text]

  --seconds n  how long the faults go on, for each seed; each strikes at least once (default 600)
  --seeds n,n  of the schedules, one after the other (default 1,2,3)
  --clients n  (default 30)
  --rate n     messages a second (default 30)
  --only text  only the fault of this letter and number, such as A15, or those with this text in their names
  --help       this

What the report says (docs/reliability.md has one, and how to read it):

${LEGEND}
The faults (docs/reliability.md):

${FAULTS.map(({ name }) => `  ${name}\n`).join('')}
Ctrl-C ends it, with what is known so far.
Exit code 0 where all is well, 1 on a violation or where a fault never struck, 2 where it was called wrongly, 130 or 143
where it was interrupted.
`

// What a fault takes, on the average of all of them; and a start and an end.
const FAULT_S = 5
const AROUND_S = 20

interface Options {
  readonly seconds: number
  readonly seeds: readonly number[]
  readonly clients: number
  readonly rate: number
  readonly faults: readonly Fault[]
}

const defaults = { seconds: '600', seeds: '1,2,3', clients: '30', rate: '30', only: undefined }
const options = optionsOrExit('chaos', HELP, defaults, (values): Options => ({
  seconds: integer('--seconds', values.seconds, 1, 86_400),
  seeds: values.seeds.split(',').map((seed) => integer('--seeds', seed, 0, MAX_SEED)),
  clients: integer('--clients', values.clients, 1, 2_000),
  rate: integer('--rate', values.rate, 1, 1_000),
  faults: values.only === undefined ? FAULTS : faultsNamed(values.only)
}))
let soFar: (() => ChaosResult) | undefined
onInterrupt(() => {
  const result = soFar?.()
  const times = [...result?.struck.values() ?? []].reduce((sum, { times }) => sum + times, 0)
  const account = result === undefined ? ' nothing' : `\n${report(result)}`
  return `interrupted after ${times} faults; up to the end of the last one:${account}`
})

const { seconds, seeds, faults } = options
const minutes = Math.ceil(seeds.length * (Math.max(seconds, faults.length * FAULT_S) + AROUND_S) / 60)
process.stderr.write(`chaos: ${faults.length} faults, seeds ${seeds.join(', ')}; about ${minutes} min in all\n`)
let isWell = true
for (const seed of seeds) {
  process.stdout.write(`\nseed ${seed}\n`)
  const result = await runChaos({
    seed,
    durationMs: seconds * 1_000,
    clients: options.clients,
    messagesPerSecond: options.rate,
    faults,
    onProgress: (text) => process.stderr.write(`  ${text}\n`),
    onStart: (known) => { soFar = known }
  })
  process.stdout.write(`${report(result)}\n`)
  isWell &&= result.problems.length === 0
}
process.exit(isWell ? 0 : 1)
