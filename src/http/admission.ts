import { normalizeIP } from '@fastify/rate-limit'
import { type Refusal, refusal } from '../protocol/codes.ts'
import { type Clock, TokenBucket } from '../session/rate-limit.ts'
import { AddressRates } from './address-rates.ts'
import type { Asker } from './asker.ts'
import { isAskerAllowed } from './origins.ts'

interface AdmissionLimits {
  readonly allowedOrigins: readonly string[]
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly connectionsPerSecond: number
  readonly maxLoopDelayMs: number
}

const MAX_USER_CHARS = 64
// Where few may be open at once, an office that comes back after a restart is still let in quickly.
const LEAST_PER_ADDRESS_AND_SECOND = 100
const OVERLOADED_RETRY_MS = 2_000
// Whoever floods, is ended, and comes again to do the same costs others as much as so many who mean well.
const FLOODER_COSTS = 100
// To join so many rooms costs a replica about as much as to let a connection in.
const ROOMS_PER_CONNECTION = 10
// Whoever has one address of IPv6 has at least so many of them.
const IPV6_SUBNET_BITS = 64

/** Who is let in: decided before the upgrade, so that a refusal costs neither side a connection. */
export class Admission {
  readonly #limits: AdmissionLimits
  readonly #whyClosed: () => string | undefined
  readonly #onUnavailable: (problem: string) => void
  readonly #rate: TokenBucket
  readonly #byAddress = new Map<string, number>()
  readonly #ratesByAddress: AddressRates
  readonly #loopDelay: { readonly meanMs: number }
  #connections = 0

  /**
   * @param whyClosed why nobody can be let in now; undefined where one can
   * @param onUnavailable called with why one was not let in, where that is the replica's trouble, and not theirs
   */
  constructor (
    limits: AdmissionLimits, whyClosed: () => string | undefined, loopDelay: { readonly meanMs: number }, now: Clock,
    onUnavailable: (problem: string) => void = () => {}
  ) {
    this.#limits = limits
    this.#whyClosed = whyClosed
    this.#onUnavailable = onUnavailable
    this.#loopDelay = loopDelay
    this.#rate = new TokenBucket(limits.connectionsPerSecond, 2 * limits.connectionsPerSecond, now)
    // As many in a second as at once, so that it takes several addresses to use up what all may have by default.
    const perAddress = Math.max(limits.maxConnectionsPerAddress, LEAST_PER_ADDRESS_AND_SECOND)
    this.#ratesByAddress = new AddressRates(limits.connectionsPerSecond === Infinity ? Infinity : perAddress, now)
  }

  /**
   * Lets one connection in, until the returned function is called (once counts); or says why not.
   * @param rooms that it joins as it begins: many count as more connections of its address
   */
  admit (asker: Asker, rooms: number): (() => void) | Refusal {
    const address = networkOf(asker.ip)
    const refused = this.#told(this.#refuse(asker, address))
    if (refused !== undefined) return refused
    this.#ratesByAddress.forfeit(address, Math.floor(rooms / ROOMS_PER_CONNECTION))
    this.#connections++
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1)
    let isIn = true
    return () => {
      if (isIn) this.#leave(address)
      isIn = false
    }
  }

  /** A connection from there is ended for flooding, or for nonsense: fewer new ones are let in for a while. */
  blame (ip: string): void {
    this.#ratesByAddress.forfeit(networkOf(ip), FLOODER_COSTS)
  }

  /** Why nobody can be let in now; undefined where one can. */
  refuseAll (): Refusal | undefined {
    return this.#told(this.#refuseAll())
  }

  #refuseAll (): Refusal | undefined {
    const problem = this.#whyClosed()
    return problem === undefined ? undefined : refusal('unavailable', problem)
  }

  #told (refused: Refusal | undefined): Refusal | undefined {
    if (refused?.reason === 'unavailable') this.#onUnavailable(refused.message)
    return refused
  }

  #refuse (asker: Asker, address: string): Refusal | undefined {
    const { allowedOrigins, maxConnections, maxConnectionsPerAddress, maxLoopDelayMs } = this.#limits
    if (!isAskerAllowed(asker, allowedOrigins)) return refusal('forbidden', 'origin: not allowed')
    const closed = this.#refuseAll()
    if (closed !== undefined) return closed
    if (this.#connections >= maxConnections) return refusal('unavailable', 'this replica is full')
    // Those who are connected go first: each new connection costs more than any message.
    if (this.#loopDelay.meanMs > maxLoopDelayMs) {
      return refusal('unavailable', 'this replica has too much to do', OVERLOADED_RETRY_MS)
    }
    if ((this.#byAddress.get(address) ?? 0) >= maxConnectionsPerAddress) {
      return refusal('rate_limited', 'too many connections from this address')
    }
    const tooSoonMs = this.#ratesByAddress.take(address)
    if (tooSoonMs > 0) return refusal('rate_limited', 'too many new connections from this address', tooSoonMs)
    const waitMs = this.#rate.take()
    return waitMs > 0 ? refusal('unavailable', 'too many new connections at once', waitMs) : undefined
  }

  #leave (address: string): void {
    this.#connections--
    const left = this.#byAddress.get(address)! - 1
    if (left > 0) this.#byAddress.set(address, left)
    else this.#byAddress.delete(address)
  }
}

/** The address that limits count by. */
export function networkOf (address: string): string {
  return normalizeIP(address, IPV6_SUBNET_BITS)
}

/** What is wrong with `?user=`; undefined for nothing. */
export function refuseUser (user: string | undefined): Refusal | undefined {
  // No control characters: a name is shown on one line.
  if (user === undefined || (user.length <= MAX_USER_CHARS && /^[^\p{Cc}\p{Cs}]+$/u.test(user))) return undefined
  return refusal('bad_message', `user: must be 1 to ${MAX_USER_CHARS} characters, none of them a control character`)
}
