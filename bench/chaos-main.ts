import { parseArgs } from 'node:util'
import { integer } from '../cluster/options.ts'
import { report, runChaos } from './chaos.ts'
import { type Fault, FAULTS } from './faults.ts'

/** `npm run chaos`: faults strike on a schedule that the seed decides, and no message may be lost without a word. */
const HELP = `Clients and publishers over three replicas and one Redis, while faults strike, one after the other and in pairs:
Redis killed, rewound, frozen, muted, full, failed over; replicas killed, frozen, rolled; clients cut.

  npm run chaos -- [--seconds n] [--seeds n,n] [--clients n] [--rate n] [--only text]

  --seconds n  how long the faults go on, for each seed; each strikes at least once (default 600)
  --seeds n,n  of the schedules, one after the other (default 1,2,3)
  --clients n  (default 30)
  --rate n     messages a second (default 30)
  --only text  only faults with this in their names, such as A15
  --help       this

Exit code 0 where all is well, 1 on a violation or where a fault never struck, 2 where it was called wrongly.
`

interface Options {
  readonly seconds: number
  readonly seeds: readonly number[]
  readonly clients: number
  readonly rate: number
  readonly faults: readonly Fault[]
}

const options = optionsOrExit()
let isWell = true
for (const seed of options.seeds) {
  process.stderr.write(`seed ${seed}\n`)
  const result = await runChaos({
    seed,
    durationMs: options.seconds * 1_000,
    clients: options.clients,
    messagesPerSecond: options.rate,
    faults: options.faults,
    onProgress: (text) => process.stderr.write(`  ${text}\n`)
  })
  process.stdout.write(`\n${report(result)}\n`)
  isWell &&= result.problems.length === 0
}
process.exit(isWell ? 0 : 1)

function optionsOrExit (): Options {
  try {
    return readOptions()
  } catch (error) {
    process.stderr.write(`chaos: ${(error as Error).message}\n\n${HELP}`)
    process.exit(2)
  }
}

function readOptions (): Options {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '600' },
      seeds: { type: 'string', default: '1,2,3' },
      clients: { type: 'string', default: '30' },
      rate: { type: 'string', default: '30' },
      only: { type: 'string', default: '' },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  if (values.help) {
    process.stdout.write(HELP)
    process.exit(0)
  }
  const faults = FAULTS.filter(({ name }) => name.includes(values.only))
  if (faults.length === 0) throw new Error(`--only: no fault has ${JSON.stringify(values.only)} in its name`)
  return {
    seconds: integer('--seconds', values.seconds, 1, 86_400),
    seeds: values.seeds.split(',').map((seed) => integer('--seeds', seed, 0, 2 ** 32 - 1)),
    clients: integer('--clients', values.clients, 1, 2_000),
    rate: integer('--rate', values.rate, 1, 1_000),
    faults
  }
}
