import { PassThrough, Readable } from 'node:stream'
import { Child } from '../../cluster/child.ts'
import { Until } from '../../cluster/until.ts'
import { run } from '../../src/cli/run.ts'
import type { Io } from '../../src/cli/io.ts'
import { fileURLToPath } from 'node:url'

/** The command line as it ships. */
export const CLI = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

export interface Ran { readonly code: number, readonly stdout: string, readonly stderr: string }

interface CliOptions {
  readonly env?: Io['env']
  readonly stdin?: string | Readable
  /** Both outputs are a terminal of so many columns. */
  readonly columns?: number
  readonly runGateway?: Io['runGateway']
}

/** A command that runs in this process. */
export class Cli {
  readonly ended: Promise<Ran>
  readonly #ending = new AbortController()
  readonly #until = new Until()
  #stdout = ''
  #stderr = ''

  constructor (args: readonly string[], { env = {}, stdin = '', columns, runGateway = async () => {} }: CliOptions = {}) {
    const terminal = columns === undefined ? {} : { isTTY: true, columns }
    const output = (take: (text: string) => void): Io['stdout'] => {
      const stream = new PassThrough()
      stream.on('data', (chunk: Buffer) => {
        take(String(chunk))
        this.#until.changed()
      })
      return Object.assign(stream, terminal)
    }
    this.ended = run({
      args,
      env,
      stdin: typeof stdin === 'string' ? Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]) : stdin,
      stdout: output((text) => { this.#stdout += text }),
      stderr: output((text) => { this.#stderr += text }),
      signal: this.#ending.signal,
      nodeVersion: process.version,
      runGateway
    }).then(async (code) => {
      // What was written last is read by now.
      await new Promise((resolve) => { setImmediate(resolve) })
      return { code, stdout: this.#stdout, stderr: this.#stderr }
    })
  }

  get stdout (): string {
    return this.#stdout
  }

  get stderr (): string {
    return this.#stderr
  }

  /** Waits for what it says on either output. */
  async says (text: string): Promise<void> {
    await this.#until.true(`it says ${text}`, () => (this.#stdout + this.#stderr).includes(text))
  }

  /** As a Ctrl-C does. */
  interrupt (): void {
    this.#ending.abort(130)
  }
}

/** Runs a command to its end, in this process. */
export async function cli (args: readonly string[], options?: CliOptions): Promise<Ran> {
  return await new Cli(args, options).ended
}

/** Runs it as a process of its own. */
export async function spawnCli (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const out = { stdout: '', stderr: '' }
  const child = await Child.spawn(process.execPath, [CLI, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    onLine: (line, stream) => { out[stream] += `${line}\n` }
  })
  const { code } = await child.ended
  return { code: code ?? -1, ...out }
}
