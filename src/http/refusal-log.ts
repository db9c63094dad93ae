import type { Clock } from '../session/rate-limit.ts'

interface Line {
  readonly problem: string
  readonly refused: number
  readonly address: string | undefined
}

interface Logger {
  warn (fields: Line, message: string): void
}

const QUIET_MS = 10_000

/** Says in the log that connections are refused, and why: at once, and then every 10 s with how many it was since. */
export class RefusalLog {
  readonly #logger: Logger
  readonly #now: Clock
  // By problem, of which there are a handful.
  readonly #lines = new Map<string, { saidMs: number, refused: number }>()

  constructor (logger: Logger, now: Clock) {
    this.#logger = logger
    this.#now = now
  }

  /** @param address of the last of them, where it is theirs alone */
  note (problem: string, address?: string): void {
    const nowMs = this.#now()
    const line = this.#lines.get(problem) ?? { saidMs: -Infinity, refused: 0 }
    this.#lines.set(problem, line)
    line.refused++
    if (nowMs - line.saidMs < QUIET_MS) return
    this.#logger.warn({ problem, refused: line.refused, address }, 'connections are refused')
    line.saidMs = nowMs
    line.refused = 0
  }
}
