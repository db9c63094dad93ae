import type { FastifyRequest } from 'fastify'
import { type Refusal, refusal } from '../protocol/codes.ts'
import { type Clock, TokenBucket } from '../session/rate-limit.ts'
import { isRequestOriginAllowed } from './origins.ts'

export interface AdmissionLimits {
  readonly allowedOrigins: readonly string[]
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly connectionsPerSecond: number
}

const MAX_USER_CHARS = 64

/** Who is let in: decided before the upgrade, so that a refusal costs neither side a connection. */
export class Admission {
  readonly #limits: AdmissionLimits
  readonly #whyClosed: () => string | undefined
  readonly #rate: TokenBucket
  readonly #byAddress = new Map<string, number>()
  #connections = 0

  /** @param whyClosed why nobody can be let in now; undefined where one can */
  constructor (limits: AdmissionLimits, whyClosed: () => string | undefined, now: Clock) {
    this.#limits = limits
    this.#whyClosed = whyClosed
    this.#rate = new TokenBucket(limits.connectionsPerSecond, 2 * limits.connectionsPerSecond, now)
  }

  /** Undefined for yes. */
  refuse (request: FastifyRequest): Refusal | undefined {
    const { allowedOrigins, maxConnections, maxConnectionsPerAddress } = this.#limits
    if (!isRequestOriginAllowed(request, allowedOrigins)) return refusal('forbidden', 'origin: not allowed')
    const problem = this.#whyClosed()
    if (problem !== undefined) return refusal('unavailable', problem)
    if (this.#connections >= maxConnections) return refusal('unavailable', 'this replica is full')
    if ((this.#byAddress.get(request.ip) ?? 0) >= maxConnectionsPerAddress) {
      return refusal('rate_limited', 'too many connections from this address')
    }
    const waitMs = this.#rate.take()
    return waitMs > 0 ? refusal('unavailable', 'too many new connections at once', waitMs) : undefined
  }

  /** A connection from this address is open until the returned function is called. */
  enter (address: string): () => void {
    this.#connections++
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1)
    return () => {
      this.#connections--
      const left = this.#byAddress.get(address)! - 1
      if (left > 0) this.#byAddress.set(address, left)
      else this.#byAddress.delete(address)
    }
  }
}

/** What is wrong with `?user=`; undefined for nothing. */
export function refuseUser (user: string | undefined): Refusal | undefined {
  // No control characters: a name is shown on one line.
  if (user === undefined || (user.length <= MAX_USER_CHARS && /^[^\p{Cc}\p{Cs}]+$/u.test(user))) return undefined
  return refusal('bad_message', `user: must be 1 to ${MAX_USER_CHARS} characters, none of them a control character`)
}
