import { type Clock, Strikes, TokenBucket } from './rate-limit.ts'
import type { SessionLimits } from './services.ts'
import type { UserRates } from './user-rates.ts'

const OVER_RATE_PER_10_S = 200

/**
 * How much one connection may ask for: requests, publishes and bytes a second, each with bursts of twice as many. What
 * is never asked for is not counted: most connections only listen.
 */
export class Allowance {
  readonly #limits: SessionLimits
  readonly #now: Clock
  readonly #users: UserRates | undefined
  readonly #user: string
  readonly #requests: TokenBucket
  readonly #bytes: TokenBucket
  #publishes: TokenBucket | undefined
  #overRate: Strikes | undefined

  /** @param users what all connections of this user together may publish; undefined for as much as each may */
  constructor (limits: SessionLimits, now: Clock, user: string, users: UserRates | undefined) {
    this.#limits = limits
    this.#now = now
    this.#user = user
    this.#users = users
    const { requestsPerSecond, bytesPerSecond, maxMessageBytes } = limits
    this.#requests = new TokenBucket(requestsPerSecond, 2 * requestsPerSecond, now)
    // The largest message that is taken at all must be possible.
    this.#bytes = new TokenBucket(bytesPerSecond, Math.max(2 * bytesPerSecond, maxMessageBytes || Infinity), now)
  }

  /** Counts one request. 0 where it may be carried out; else in how many milliseconds it may be tried again. */
  take (bytes: number, isPublish: boolean): number {
    return this.#requests.take() || this.#bytes.take(bytes) || (isPublish ? this.#takePublish() : 0)
  }

  /** One more was refused. True where the client goes on regardless. */
  isStubborn (): boolean {
    this.#overRate ??= new Strikes(OVER_RATE_PER_10_S, 10_000, this.#now)
    return this.#overRate.add()
  }

  #takePublish (): number {
    const { publishesPerSecond } = this.#limits
    this.#publishes ??= new TokenBucket(publishesPerSecond, 2 * publishesPerSecond, this.#now)
    return this.#publishes.take() || (this.#users?.take(this.#user) ?? 0)
  }
}
