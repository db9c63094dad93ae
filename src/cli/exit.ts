/** Exit codes; docs/cli.md and `--help` list them. */
export const EXIT = {
  done: 0,
  /** The gateway refused, or something was found wrong, or lost. */
  failed: 1,
  /** A flag, an argument or a setting is wrong: nothing was done. */
  usage: 2,
  /** No gateway could be reached, or it broke off. */
  unreachable: 3,
  /** No token, one that is not accepted, or one that does not allow this. */
  denied: 4
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** What a person is told in a line or two, without a stack. */
export class CliError extends Error {
  readonly exitCode: ExitCode
  /** What to do about it. */
  readonly advice: string | undefined

  constructor (exitCode: ExitCode, message: string, advice?: string) {
    super(message)
    this.name = 'CliError'
    this.exitCode = exitCode
    this.advice = advice
  }
}

export function usage (message: string): CliError {
  return new CliError(EXIT.usage, message)
}
