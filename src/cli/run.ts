import { CommanderError } from 'commander'
import { CliError, EXIT } from './exit.ts'
import type { Io } from './io.ts'
import { createProgram } from './program.ts'
import { paintFor, printable } from './terminal.ts'

/** Runs one command line. Never rejects. @returns the exit code */
export async function run (io: Io): Promise<number> {
  const outcome: Parameters<typeof createProgram>[1] = { code: EXIT.done }
  try {
    const program = createProgram(io, outcome)
    if (io.args.length === 0) {
      program.outputHelp({ error: true })
      return EXIT.usage
    }
    await program.parseAsync([...io.args], { from: 'user' })
  } catch (error) {
    if (io.signal.aborted) return Number(io.signal.reason)
    return report(error, io)
  }
  return io.signal.aborted ? Number(io.signal.reason) : outcome.code
}

function report (error: unknown, { stderr, env }: Io): number {
  // Help and version were asked for; of what was wrong commander has told.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
  if (!(error instanceof CliError)) {
    stderr.write(`tidegate: a defect: ${(error as Error).stack ?? String(error)}\n`)
    return EXIT.failed
  }
  const paint = paintFor(stderr, env)
  for (const line of error.message.split('\n')) stderr.write(`${paint('red', 'tidegate:')} ${printable(line)}\n`)
  if (error.advice !== undefined) stderr.write(`${paint('cyan', `→ ${printable(error.advice)}`)}\n`)
  return error.exitCode
}
