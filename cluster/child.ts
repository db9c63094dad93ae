import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { Until } from './until.ts'

export interface Ended { readonly code: number | null, readonly signal: string | null }

interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void
  /** Messages can be sent to it, and come from it. */
  readonly hasChannel?: boolean
}

const KEPT_LINES = 50
// Debian keeps servers where only root's PATH leads.
const SERVERS_PATH = '/usr/sbin:/usr/local/sbin'

const running = new Set<Child>()
let isWatching = false
let hasOwner = false

/**
 * A server of ours as a child process, in a group of its own: a Ctrl-C in the terminal is for its parent alone. It
 * does not outlive that parent, however the parent ends (but by SIGKILL).
 */
export class Child {
  readonly process: ChildProcess
  /** Settled when it has ended and all its output is read; never rejects. */
  readonly ended: Promise<Ended>
  readonly #onLine: (line: string, stream: 'stdout' | 'stderr') => void
  readonly #lines = new Until()
  #lastLines: string[] = []
  #hasEnded = false

  /** @throws where there is no such program */
  static async spawn (command: string, args: readonly string[], options: ChildOptions = {}): Promise<Child> {
    endThemWithUs()
    const child = new Child(command, args, options)
    await once(child.process, 'spawn')
    return child
  }

  private constructor (command: string, args: readonly string[], options: ChildOptions) {
    const { env = process.env, onLine, hasChannel = false } = options
    const { PATH = '' } = process.env
    this.process = spawn(command, args, {
      env: { ...env, PATH: `${PATH}:${SERVERS_PATH}` },
      stdio: ['ignore', 'pipe', 'pipe', ...(hasChannel ? ['ipc' as const] : [])],
      detached: true
    })
    this.#onLine = onLine ?? (() => {})
    this.#read(this.process.stdout!, 'stdout')
    this.#read(this.process.stderr!, 'stderr')
    this.process.on('spawn', () => running.add(this))
    this.process.on('exit', () => {
      running.delete(this)
      // What is left of its group, such as the workers of an nginx that was killed, would keep its output and its port.
      this.#killGroup()
    })
    this.ended = new Promise((resolve) => {
      this.process.on('close', (code, signal) => {
        this.#hasEnded = true
        this.#lines.changed()
        resolve({ code, signal })
      })
    })
  }

  static killAll (): void {
    for (const child of running) child.#killGroup()
  }

  /** The caller listens to signals itself, and ends its children in order. */
  static leaveSignals (): void {
    hasOwner = true
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
    const name = this.process.spawnfile
    await this.#lines.true(`${name} says ${pattern}`, () => this.#hasEnded || found() !== undefined, timeoutMs)
    const match = found()
    if (match === undefined) throw new Error(`${name} ended:\n${this.#lastLines.join('\n')}`)
    return match
  }

  /** Sends the signal, and waits for the end. */
  async end (signal: NodeJS.Signals): Promise<Ended> {
    if (this.isRunning) this.process.kill(signal)
    return await this.ended
  }

  #read (stream: Readable, name: 'stdout' | 'stderr'): void {
    createInterface(stream).on('line', (line) => {
      this.#lastLines.push(line)
      if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift()
      this.#onLine(line, name)
      this.#lines.changed()
    })
  }

  #killGroup (): void {
    try {
      process.kill(-this.pid, 'SIGKILL')
    } catch {
      // Nobody is left.
    }
  }
}

function endThemWithUs (): void {
  if (isWatching) return
  isWatching = true
  process.on('exit', () => Child.killAll())
  // A signal that nobody listens to ends a process without that event.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => { if (!hasOwner) process.exit(1) })
}
