import { type Refusal, refusal } from '../protocol/codes.ts'
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

  /** Counts one request. Undefined where it may be carried out; else what there is too much of, and for how long. */
  refuse (bytes: number, isPublish: boolean): Refusal | undefined {
    return tooMany('requests', this.#requests.take()) ?? tooMany('bytes', this.#bytes.take(bytes)) ??
      (isPublish ? this.#refusePublish() : undefined)
  }

  /** One more was refused. True where the client goes on regardless. */
  isStubborn (): boolean {
    this.#overRate ??= new Strikes(OVER_RATE_PER_10_S, 10_000, this.#now)
    return this.#overRate.add()
  }

  #refusePublish (): Refusal | undefined {
    const { publishesPerSecond } = this.#limits
    this.#publishes ??= new TokenBucket(publishesPerSecond, 2 * publishesPerSecond, this.#now)
    return tooMany('publishes', this.#publishes.take()) ??
      tooMany('publishes of this user, all connections together', this.#users?.take(this.#user) ?? 0)
  }
}

function tooMany (what: string, waitMs: number): Refusal | undefined {
  return waitMs === 0 ? undefined : refusal('rate_limited', `too many ${what}`, waitMs)
}
