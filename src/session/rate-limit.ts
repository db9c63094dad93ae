/** Milliseconds of a clock that never goes back. */
export type Clock = () => number

/** Tokens come at a steady rate, up to a burst; each request takes one, or as many as it is large. */
export class TokenBucket {
  readonly #perMs: number
  readonly #burst: number
  readonly #now: Clock
  #tokens: number
  #filledMs: number

  /** @param perSecond Infinity for no limit */
  constructor (perSecond: number, burst: number, now: Clock) {
    this.#perMs = perSecond / 1000
    this.#burst = burst
    this.#now = now
    this.#tokens = burst
    this.#filledMs = now()
  }

  /** Takes tokens. 0 where there were so many; else how long, in milliseconds, until there are. */
  take (count = 1): number {
    if (this.#perMs === Infinity) return 0
    this.#fill()
    if (this.#tokens < count) return Math.ceil((count - this.#tokens) / this.#perMs)
    this.#tokens -= count
    return 0
  }

  /** Takes as many, whether they are there or not: what is owed comes first. No more than a burst can be owed. */
  forfeit (count: number): void {
    this.#fill()
    this.#tokens = Math.max(-this.#burst, this.#tokens - count)
  }

  /** Not one is there. */
  get isEmpty (): boolean {
    this.#fill()
    return this.#tokens < 1
  }

  #fill (): void {
    const nowMs = this.#now()
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#filledMs) * this.#perMs)
    this.#filledMs = nowMs
  }
}

/** Counts offences within a sliding window. */
export class Strikes {
  readonly #max: number
  readonly #windowMs: number
  readonly #now: Clock
  readonly #timesMs: number[] = []

  constructor (max: number, windowMs: number, now: Clock) {
    this.#max = max
    this.#windowMs = windowMs
    this.#now = now
  }

  /** One more. True where that makes more than `max` within the window. */
  add (): boolean {
    const nowMs = this.#now()
    this.#timesMs.push(nowMs)
    while (this.#timesMs[0]! <= nowMs - this.#windowMs) this.#timesMs.shift()
    return this.#timesMs.length > this.#max
  }
}
