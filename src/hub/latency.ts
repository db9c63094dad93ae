/** Upper bounds of the buckets: from half a millisecond, which Redis beside us takes, to more than a deadline. */
const BOUNDS_MS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000]

/** How long something took, how often: plain numbers, read when somebody asks. */
export class Latency {
  readonly boundsMs: readonly number[] = BOUNDS_MS
  /** How many there were up to each bound and over the one before it; the last are those over all bounds. */
  readonly counts = new Float64Array(BOUNDS_MS.length + 1)
  sumMs = 0

  observe (tookMs: number): void {
    let at = 0
    while (at < BOUNDS_MS.length && tookMs > BOUNDS_MS[at]!) at++
    this.counts[at]!++
    this.sumMs += tookMs
  }
}
