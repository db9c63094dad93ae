import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { Until } from '../../cluster/until.ts'

/** An example that runs: all that it has said, and its end. */
export interface Running {
  readonly lines: string[]
  /** Resolves when this many lines match. */
  readonly says: (pattern: RegExp, times?: number) => Promise<void>
  /** Its exit code; null where a signal ended it. */
  readonly ended: Promise<number | null>
  /** Sends its whole group a signal, and waits for the end. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>
}

/** Types a command in a folder, as a person would in a shell; ended with the test. */
export function type (
  test: Test, command: string, folder: string, env: Readonly<Record<string, string>> = {}
): Running {
  // Debian's packages are its own Python's, and another may come first on the PATH.
  const PATH = `/usr/bin:${process.env['PATH'] ?? ''}`
  const child = spawn('sh', ['-c', command.includes('\n') ? command : `exec ${command}`], {
    cwd: folder, env: { ...process.env, PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true
  })
  const lines: string[] = []
  const until = new Until()
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => {
      lines.push(line)
      until.changed()
    })
  }
  const ended = new Promise<number | null>((resolve) => { child.on('close', resolve) })
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    try {
      process.kill(-child.pid!, signal)
    } catch {
      // It has ended.
    }
    return await ended
  }
  test.teardown(() => end('SIGKILL'))
  const says = async (pattern: RegExp, times = 1): Promise<void> => {
    const said = (): boolean => lines.filter((line) => pattern.test(line)).length >= times
    await until.true(`${command} says ${pattern}`, said, 20_000).catch((error: unknown) => {
      throw new Error(`${String(error)}; it said:\n${lines.join('\n')}`)
    })
  }
  return { lines, says, ended, end }
}
