import { type Clock, Strikes, TokenBucket } from './rate-limit.ts'
import type { SessionLimits } from './services.ts'
import type { UserRates } from './user-rates.ts'

const OVER_RATE_PER_10_S = 200

/** How much one connection may ask for: requests, publishes and bytes a second, each with bursts of twice as many. */
export class Allowance {
  readonly #requests: TokenBucket
  readonly #publishes: TokenBucket
  readonly #bytes: TokenBucket
  readonly #overRate: Strikes
  readonly #users: UserRates | undefined
  readonly #user: string

  /** @param users what all connections of this user together may publish; undefined for as much as each may */
  constructor (limits: SessionLimits, now: Clock, user: string, users: UserRates | undefined) {
    const { requestsPerSecond, publishesPerSecond, bytesPerSecond, maxMessageBytes } = limits
    this.#requests = new TokenBucket(requestsPerSecond, 2 * requestsPerSecond, now)
    this.#publishes = new TokenBucket(publishesPerSecond, 2 * publishesPerSecond, now)
    // The largest message that is taken at all must be possible.
    this.#bytes = new TokenBucket(bytesPerSecond, Math.max(2 * bytesPerSecond, maxMessageBytes || Infinity), now)
    this.#overRate = new Strikes(OVER_RATE_PER_10_S, 10_000, now)
    this.#users = users
    this.#user = user
  }

  /** Counts one request. 0 where it may be carried out; else in how many milliseconds it may be tried again. */
  take (bytes: number, isPublish: boolean): number {
    return this.#requests.take() || this.#bytes.take(bytes) || (isPublish ? this.#takePublish() : 0)
  }

  /** One more was refused. True where the client goes on regardless. */
  isStubborn (): boolean {
    return this.#overRate.add()
  }

  #takePublish (): number {
    return this.#publishes.take() || (this.#users?.take(this.#user) ?? 0)
  }
}
