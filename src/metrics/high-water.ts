const WINDOW_MS = 60_000

/**
 * The most there was within the last minute or two. A figure that began anew whenever it was read would tell each of
 * two readers only a part.
 */
export class HighWater {
  readonly #counts: { highWaterBytes: number }
  readonly #now: () => number
  #beganMs: number
  #before = 0

  /** @param counts whose figure rises until it is set back here */
  constructor (counts: { highWaterBytes: number }, now: () => number) {
    this.#counts = counts
    this.#now = now
    this.#beganMs = now()
  }

  read (): number {
    const current = this.#counts.highWaterBytes
    const highest = Math.max(this.#before, current)
    if (this.#now() - this.#beganMs >= WINDOW_MS) {
      this.#beganMs = this.#now()
      this.#before = current
      this.#counts.highWaterBytes = 0
    }
    return highest
  }
}
