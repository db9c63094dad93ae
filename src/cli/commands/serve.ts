import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { describeFlag, serve, SERVE_FLAGS } from '../serve.ts'

const AFTER = `
All other settings, and whatever is secret (AUTH_SECRET, REDIS_PASS), by the environment: docs/configuration.md.

Examples:
  $ tidegate serve --port 9000 --host 127.0.0.1
  $ tidegate serve --redis redis://localhost:6379 --workers auto
  $ AUTH_SECRET="$(cat secret)" AUTH_REQUIRED=1 tidegate serve --origins https://example.org

SIGTERM drains over DRAIN_MS, Ctrl-C over a second; a second signal ends it at once.
Exit code 0 after an end in order, 1 where it could not go on, 2 where a flag or a setting is wrong.`

export function addServe (program: Command, io: Io): void {
  const command = program.command('serve').summary('run a gateway').description('Runs a gateway, as `npm start` does.')
  for (const [flag, [setting, value]] of Object.entries(SERVE_FLAGS)) {
    command.option(`${flag} ${value}`, describeFlag(setting))
  }
  command.addHelpText('after', AFTER).action(async () => {
    const flags = Object.entries(SERVE_FLAGS).flatMap(([flag, [setting]]) => {
      const value = command.getOptionValue(nameOf(flag)) as string | undefined
      return value === undefined ? [] : [[setting, value] as const]
    })
    await serve(Object.fromEntries(flags), io)
  })
}

/** As commander calls it: `--redis-prefix` is redisPrefix. */
function nameOf (flag: string): string {
  return flag.replace(/^.*--/, '').replace(/-(\w)/g, (_all, letter: string) => letter.toUpperCase())
}
