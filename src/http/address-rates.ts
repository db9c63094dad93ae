import { type Clock, TokenBucket } from '../session/rate-limit.ts'

// A burst is twice the rate, and as much may be owed: a bucket that nobody asked for so long is full again, and need
// not be kept.
const FULL_MS = 4_000

/** What each address may do in a second, with bursts of twice as much. Addresses that are quiet are not kept. */
export class AddressRates {
  readonly #perSecond: number
  readonly #now: Clock
  // Each address is in one of the two: those who asked since the last turn, and those who asked before it.
  #recent = new Map<string, TokenBucket>()
  #older = new Map<string, TokenBucket>()
  #turnedMs: number

  /** @param perSecond Infinity for no limit */
  constructor (perSecond: number, now: Clock) {
    this.#perSecond = perSecond
    this.#now = now
    this.#turnedMs = now()
  }

  /** 0 where it may; else how long, in milliseconds, until it may. */
  take (address: string): number {
    return this.#bucketOf(address)?.take() ?? 0
  }

  /** It has done what costs as much as so many. */
  forfeit (address: string, count: number): void {
    this.#bucketOf(address)?.forfeit(count)
  }

  /** It may not, and need not ask. */
  isSpent (address: string): boolean {
    return (this.#recent.get(address) ?? this.#older.get(address))?.isEmpty ?? false
  }

  #bucketOf (address: string): TokenBucket | undefined {
    if (this.#perSecond === Infinity) return undefined
    this.#turn()
    const bucket = this.#recent.get(address) ?? this.#older.get(address) ??
      new TokenBucket(this.#perSecond, 2 * this.#perSecond, this.#now)
    this.#recent.set(address, bucket)
    this.#older.delete(address)
    return bucket
  }

  get size (): number {
    return this.#recent.size + this.#older.size
  }

  #turn (): void {
    const nowMs = this.#now()
    const passedMs = nowMs - this.#turnedMs
    if (passedMs < FULL_MS) return
    this.#older = passedMs < 2 * FULL_MS ? this.#recent : new Map()
    this.#recent = new Map()
    this.#turnedMs = nowMs
  }
}
