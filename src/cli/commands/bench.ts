import type { Command } from 'commander'
import { DEFAULTS, LIMITS, type Plan, problemOf } from '../bench/plan.ts'
import { usage } from '../exit.ts'
import type { Io } from '../io.ts'
import { addressesOf, integerOf, targetOf } from '../options.ts'
import { addTarget, type Outcome } from './outcome.ts'

const AFTER = `
Each connection joins one of the rooms; the first of them publish. Every delivery is counted, and its latency is taken
from when its message was due, so that a stall is not hidden. It is one process: a first look, not a measurement
(docs/performance.md has those). It stores messages in rooms of its own, whose names begin with bench-. Limits by address
and user hold (MAX_CONNECTIONS_PER_ADDRESS, RATE_PUBLISHES): what they refuse is shown. With AUTH_SECRET set, and without a
token, each connection is a user of its own.

Examples:
  $ tidegate bench http://localhost:8080
  $ tidegate bench --connections 200 --rooms 1 --publishers 5 --rate 20 --seconds 30
  $ tidegate bench --json | jq .p99Ms

Exit code 0 where all connected, and nothing was lost, repeated or refused; otherwise 1.`

interface Flags {
  readonly url?: string
  readonly token?: string
  readonly connections: number
  readonly rooms: number
  readonly publishers: number
  readonly rate: number
  readonly seconds: number
  readonly bytes: number
  readonly json?: true
}

export function addBench (program: Command, io: Io, outcome: Outcome): void {
  addTarget(program.command('bench').argument('[url]', 'where the gateway is, as --url')
    .summary('a first look at what a deployment holds')
    .description('Connects many times, publishes on a beat, and counts what arrives, when, and what does not.'))
    .option('-c, --connections <n>', 'how many', integerOf(1, LIMITS.connections), DEFAULTS.connections)
    .option('-r, --rooms <n>', 'over how many rooms they are spread', integerOf(1, LIMITS.rooms), DEFAULTS.rooms)
    .option('-p, --publishers <n>', 'how many of them publish', integerOf(1, LIMITS.publishers), DEFAULTS.publishers)
    .option('--rate <n>', 'messages a second of each publisher', integerOf(1, LIMITS.perSecond), DEFAULTS.perSecond)
    .option('-s, --seconds <n>', 'for how long', integerOf(1, LIMITS.seconds), DEFAULTS.seconds)
    .option('-b, --bytes <n>', 'about the size of a message', integerOf(0, LIMITS.bytes), DEFAULTS.bytes)
    .option('--json', 'the result as JSON, on one line')
    .addHelpText('after', AFTER)
    .action(async (argument: string | undefined, { json, rate: perSecond, ...flags }: Flags) => {
      if (argument !== undefined && flags.url !== undefined) throw usage('--url: not together with the argument url')
      if (argument !== undefined) addressesOf(argument, 'url')
      const target = targetOf({ ...flags, ...(argument === undefined ? {} : { url: argument }) }, io.env)
      const { connections, rooms, publishers, seconds, bytes } = flags
      const plan: Plan = { connections, rooms, publishers, perSecond, seconds, bytes }
      const problem = problemOf(plan)
      if (problem !== undefined) throw usage(problem)
      const { runBench } = await import('../bench/run.ts')
      outcome.code = await runBench(target, plan, io, json === true)
    })
}
