import type { SendQueue } from './send-queue.ts'
import { WriteCounts } from './write-counts.ts'

// A client that has asked something waits no longer than this for what is gathered.
const MAX_REST_MS = 25
// Fewer writes take no millisecond, and what they take need not be measured.
const MANY = 16

export interface FlushListener {
  /** All that was queued when this was asked for has been written. */
  onFlushed (): void
}

/**
 * Flushes every queue that got something: at the end of the turn, so that a frame alone leaves at once, or after a
 * while in which more can join it. Where a flush took milliseconds of CPU the next one rests for as long: sockets get
 * at most half of the loop's time, and under load more frames leave with each write, which is what costs (ADR 7).
 */
export class Flusher {
  readonly counts = new WriteCounts()
  readonly #delayMs: number
  readonly #now: () => number
  readonly #cpu: () => number
  #due: SendQueue[] = []
  #after: FlushListener[] = []
  #restUntilMs = -Infinity
  readonly #run = (): void => {
    const due = this.#due
    this.#due = []
    const begunMs = due.length < MANY ? 0 : this.#cpu()
    for (const queue of due) queue.flush()
    if (begunMs > 0) this.#restUntilMs = this.#now() + Math.min(this.#cpu() - begunMs, MAX_REST_MS)
    const after = this.#after
    this.#after = []
    for (const listener of after) listener.onFlushed()
  }

  /**
   * @param delayMs the while; 0 for the end of the turn
   * @param now milliseconds of a clock that only goes forward
   * @param cpu milliseconds that this process has used: what others take from it meanwhile must not make it rest longer
   */
  constructor (delayMs = 0, now: () => number = () => performance.now(), cpu = cpuMs) {
    this.#delayMs = delayMs
    this.#now = now
    this.#cpu = cpu
  }

  schedule (queue: SendQueue): void {
    if (this.#due.push(queue) > 1) return
    // Timers know whole milliseconds: a shorter rest is none.
    const waitMs = Math.max(this.#delayMs, Math.floor(this.#restUntilMs - this.#now()))
    if (waitMs <= 0) setImmediate(this.#run)
    else setTimeout(this.#run, waitMs)
  }

  /** Tells when all that is queued now has been written; at once where nothing is. */
  afterFlush (listener: FlushListener): void {
    if (this.#due.length === 0) listener.onFlushed()
    else this.#after.push(listener)
  }
}

function cpuMs (): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
