import type { Command } from 'commander'
import { usage } from '../exit.ts'
import type { Io } from '../io.ts'
import { addressesOf, integerOf, type TargetOptions, targetOf } from '../options.ts'
import { addTarget, type Outcome } from './outcome.ts'

const MAX_IDLE_S = 600

const AFTER = `
It connects some forty times, publishes one ephemeral message to a room of its own, and changes nothing. Run where the
gateway runs, it checks the gateway's settings, too. Of Redis it asks INFO, TIME, PING, and for the rights of its user.

Examples:
  $ tidegate doctor
  $ tidegate doctor --url https://rt.example.org --origin https://example.org --idle 70
  $ tidegate doctor --redis redis://10.0.0.5:6379 --json | jq 'select(.level == "fault")'

Exit code 0 where there is no fault (with --strict: nor a warning), 1 where there is one.`

interface Flags extends TargetOptions {
  readonly redis?: string
  readonly origin?: string
  readonly idle: number
  readonly strict?: true
  readonly json?: true
}

export function addDoctor (program: Command, io: Io, outcome: Outcome): void {
  addTarget(program.command('doctor').summary('look a deployment over')
    .description('Looks a deployment over: settings, Redis, the proxy, the replicas, clocks; and says what to do.'))
    .option('--redis <url>', 'the Redis of the gateways (default: REDIS_URL, or REDIS_ADDR)')
    .option('--origin <origin>', 'of the pages that are to connect, such as https://example.org')
    .option('--idle <s>', 'hold an idle connection for so long', integerOf(0, MAX_IDLE_S), 0)
    .option('--strict', 'a warning is a fault, too')
    .option('--json', 'one finding a line, as JSON')
    .addHelpText('after', AFTER)
    .action(async ({ redis: url, origin, idle: idleS, strict, json, ...flags }: Flags) => {
      const target = targetOf(flags, io.env)
      const { redisPlaceOf, runDoctor } = await import('../doctor/doctor.ts')
      const redis = redisPlaceOf(url, io.env)
      if (url !== undefined && redis === undefined) throw usage('--redis: must be redis://host:port or rediss://host:port')
      const modes = { isJson: json === true, isStrict: strict === true }
      const options = { target, redis, origin: originOf(origin), idleS, ...modes }
      outcome.code = await runDoctor(options, io, program.version()!)
    })
}

function originOf (text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const { site } = addressesOf(text, '--origin')
  if (new URL(site).origin !== site) throw usage('--origin: must be an origin, such as https://example.org, without a path')
  return site
}
