import type { SendQueue } from './send-queue.ts'
import { WriteCounts } from './write-counts.ts'

// A client that has asked something waits no longer than this for what is gathered.
const MAX_REST_MS = 25

/**
 * Flushes every queue that got something: at the end of the turn, so that a frame alone leaves at once, or after a
 * while in which more can join it. Where a flush took milliseconds the next one rests for as long as it did: sockets
 * get at most half of the loop's time, and under load more frames leave with each write, which is what costs (ADR 7).
 */
export class Flusher {
  readonly counts = new WriteCounts()
  readonly #delayMs: number
  readonly #now: () => number
  #due: SendQueue[] = []
  #after: Array<() => void> = []
  #restUntilMs = -Infinity
  readonly #run = (): void => {
    const begunMs = this.#now()
    const due = this.#due
    this.#due = []
    for (const queue of due) queue.flush()
    const endedMs = this.#now()
    this.#restUntilMs = endedMs + Math.min(endedMs - begunMs, MAX_REST_MS)
    const after = this.#after
    this.#after = []
    for (const run of after) run()
  }

  /**
   * @param delayMs the while; 0 for the end of the turn
   * @param now milliseconds of a clock that only goes forward
   */
  constructor (delayMs = 0, now: () => number = () => performance.now()) {
    this.#delayMs = delayMs
    this.#now = now
  }

  schedule (queue: SendQueue): void {
    if (this.#due.push(queue) > 1) return
    // Timers know whole milliseconds: a shorter rest is none.
    const waitMs = Math.max(this.#delayMs, Math.floor(this.#restUntilMs - this.#now()))
    if (waitMs <= 0) setImmediate(this.#run)
    else setTimeout(this.#run, waitMs)
  }

  /** Runs when all that is queued now has been written; at once where nothing is. */
  afterFlush (run: () => void): void {
    if (this.#due.length === 0) run()
    else this.#after.push(run)
  }
}
