import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { Until } from './until.ts'

export interface Ended { readonly code: number | null, readonly signal: string | null }

export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  readonly onLine?: (line: string) => void
}

const KEPT_LINES = 50
// Debian keeps servers where only root's PATH leads.
const PATH = `${process.env['PATH']}:/usr/sbin:/usr/local/sbin`

/** A server of ours as a child process, in a group of its own: a Ctrl-C in the terminal is for its parent alone. */
export class Child {
  /** Those that have not ended, of this process. */
  static readonly running = new Set<Child>()
  readonly process: ChildProcess
  /** Settled when it has ended and all its output is read; never rejects. */
  readonly ended: Promise<Ended>
  readonly #onLine: (line: string) => void
  readonly #lines = new Until()
  #lastLines: string[] = []
  #hasEnded = false

  /** @throws where there is no such program */
  static async spawn (command: string, args: readonly string[], options: ChildOptions = {}): Promise<Child> {
    const child = new Child(command, args, options)
    await once(child.process, 'spawn')
    return child
  }

  private constructor (command: string, args: readonly string[], { env, cwd, onLine }: ChildOptions) {
    this.process = spawn(command, args, {
      env: { ...(env ?? process.env), PATH },
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true
    })
    this.#onLine = onLine ?? (() => {})
    this.#read(this.process.stdout!)
    this.#read(this.process.stderr!)
    this.process.on('spawn', () => Child.running.add(this))
    this.process.on('exit', () => Child.running.delete(this))
    this.ended = new Promise((resolve) => {
      this.process.on('close', (code, signal) => {
        this.#hasEnded = true
        this.#lines.changed()
        resolve({ code, signal })
      })
    })
  }

  get pid (): number {
    return this.process.pid!
  }

  get isRunning (): boolean {
    return this.process.exitCode === null && this.process.signalCode === null
  }

  /**
   * Waits for one of its last lines to match, from its start on.
   * @throws where it ends instead, with what it said
   */
  async says (pattern: RegExp, timeoutMs = 15_000): Promise<RegExpExecArray> {
    const found = (): RegExpExecArray | undefined => {
      for (const line of this.#lastLines) {
        const match = pattern.exec(line)
        if (match !== null) return match
      }
      return undefined
    }
    await this.#lines.true(`${this.process.spawnfile} says ${pattern}`, () => this.#hasEnded || found() !== undefined, timeoutMs)
    const match = found()
    if (match === undefined) throw new Error(`${this.process.spawnfile} ended:\n${this.#lastLines.join('\n')}`)
    return match
  }

  /** Sends the signal, and waits for the end. */
  async end (signal: NodeJS.Signals): Promise<Ended> {
    if (this.isRunning) this.process.kill(signal)
    return await this.ended
  }

  #read (stream: Readable): void {
    createInterface(stream).on('line', (line) => {
      this.#lastLines.push(line)
      if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift()
      this.#onLine(line)
      this.#lines.changed()
    })
  }
}
