import { constants } from 'node:os'
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { Child } from '../cluster/child.ts'
import { type EndSignal, onEndSignals } from '../src/end-signals.ts'

/** How the commands of the bench read their options, and end on a signal. */
export const MAX_SEED = 999_999_999

/** By name; where the default is a boolean it is a switch, and without a default undefined where it is not given. */
type Defaults = Readonly<Record<string, string | boolean | undefined>>
type Values<Known extends Defaults> = {
  readonly [Name in keyof Known]: Known[Name] extends boolean ? boolean : string | Extract<Known[Name], undefined>
}

/** The options, as `read` makes them of what was given; where they are wrong, or help is asked for, it exits. */
export function optionsOrExit<Known extends Defaults, Options> (
  command: string, help: string, defaults: Known, read: (values: Values<Known>) => Options
): Options {
  try {
    const values = parse(process.argv.slice(2), defaults)
    if (!values.help) return read(values)
    process.stdout.write(help)
    process.exit(0)
  } catch (error) {
    process.stderr.write(`${command}: ${(error as Error).message} (see --help)\n`)
    process.exit(2)
  }
}

/** @throws Error of one line */
export function parse<Known extends Defaults> (
  args: readonly string[], defaults: Known
): Values<Known> & { readonly help: boolean } {
  const options: NonNullable<ParseArgsConfig['options']> = {}
  for (const [name, value] of Object.entries(defaults)) {
    if (typeof value === 'boolean') options[name] = { type: 'boolean', default: value }
    else options[name] = value === undefined ? { type: 'string' } : { type: 'string', default: value }
  }
  options['help'] = { type: 'boolean', short: 'h', default: false }
  try {
    return parseArgs({ args: withNegatives(args), options }).values as Values<Known> & { readonly help: boolean }
  } catch (error) {
    const [line = ''] = (error as Error).message.split('\n')
    const [, unvalued] = /^Option '(?:-\w, )?(--[\w-]+)[^']*' argument (?:missing|is ambiguous)/.exec(line) ?? []
    throw new Error(unvalued === undefined ? line : `${unvalued}: needs a value`)
  }
}

/** `--seconds -5` as `--seconds=-5`: so that whoever reads the value says what is wrong with it. */
function withNegatives (args: readonly string[]): string[] {
  const joined: string[] = []
  for (const arg of args) {
    const before = joined.at(-1)
    if (/^-\d/.test(arg) && before?.startsWith('--') === true) joined[joined.length - 1] = `${before}=${arg}`
    else joined.push(arg)
  }
  return joined
}

/** On a signal to end: says how far it has come, and exits; all that was started ends with it. */
export function onInterrupt (soFar: () => string): void {
  Child.leaveSignals()
  const begin = (signal: EndSignal): void => {
    process.stdout.write(`\n${soFar()}\n`)
    process.exit(128 + constants.signals[signal])
  }
  onEndSignals(process, {
    signals: ['SIGINT', 'SIGTERM', 'SIGHUP'],
    isUnderNpm: process.env['npm_lifecycle_event'] !== undefined,
    begin,
    endNow: () => process.exit(1)
  })
}
