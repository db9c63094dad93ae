/** What came of a POST. */
export type AttemptOutcome = 'taken' | 'refused' | 'timeout' | 'unreachable'

/** What the metrics read. How many wait is known to the replica that delivers; others have 0. */
export class WebhookCounts {
  sent = 0
  dropped = 0
  waiting = 0
  readonly attempts: Record<AttemptOutcome, number> = { taken: 0, refused: 0, timeout: 0, unreachable: 0 }
  readonly #now: () => number
  #bornMs: number | undefined

  constructor (now: () => number) {
    this.#now = now
  }

  /** @param oldestMs how old the oldest of those who wait is; undefined where none waits */
  stands (waiting: number, oldestMs: number | undefined): void {
    this.waiting = waiting
    this.#bornMs = oldestMs === undefined ? undefined : this.#now() - oldestMs
  }

  get oldestMs (): number {
    return this.#bornMs === undefined ? 0 : this.#now() - this.#bornMs
  }
}
