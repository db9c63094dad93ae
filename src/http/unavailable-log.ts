import type { Clock } from '../session/rate-limit.ts'

interface Logger {
  warn (fields: { readonly problem: string, readonly refused: number }, message: string): void
}

const QUIET_MS = 10_000

/** Says in the log that nobody is let in, and why: at once, and then every 10 s with how many it was since. */
export class UnavailableLog {
  readonly #logger: Logger
  readonly #now: Clock
  // By problem, of which there are a handful.
  readonly #lines = new Map<string, { saidMs: number, refused: number }>()

  constructor (logger: Logger, now: Clock) {
    this.#logger = logger
    this.#now = now
  }

  note (problem: string): void {
    const nowMs = this.#now()
    const line = this.#lines.get(problem) ?? { saidMs: -Infinity, refused: 0 }
    this.#lines.set(problem, line)
    line.refused++
    if (nowMs - line.saidMs < QUIET_MS) return
    this.#logger.warn({ problem, refused: line.refused }, 'connections are refused')
    line.saidMs = nowMs
    line.refused = 0
  }
}
