import { BrokerError } from '../protocol/codes.ts'
import { type IdempotencyKey, KEY_TTL_MS } from '../protocol/entry.ts'

interface Claim { readonly digest: string, readonly result: unknown, readonly expiresMs: number }

// Some hundred megabytes. Redis, too, refuses what its memory does not hold.
const MAX_CLAIMS = 500_000

/** The embedded broker's memory of idempotency keys. Claims expire in the order in which they were made. */
export class DedupeMemory {
  readonly #claims = new Map<string, Claim>()
  readonly #maxClaims: number

  constructor (maxClaims = MAX_CLAIMS) {
    this.#maxClaims = maxClaims
  }

  /**
   * The first claim's result, 'key_reused' where its content was other; undefined where the key is new.
   * @throws BrokerError `unavailable` where it is, and cannot be remembered: there are too many
   */
  find<Result> (room: string, key: IdempotencyKey, digest: string): { result: Result } | 'key_reused' | undefined {
    this.#expire()
    const claim = this.#claims.get(nameOf(room, key))
    if (claim === undefined && this.#claims.size >= this.#maxClaims) throw new BrokerError('unavailable')
    if (claim === undefined) return undefined
    return claim.digest === digest ? { result: claim.result as Result } : 'key_reused'
  }

  remember (room: string, key: IdempotencyKey, digest: string, result: unknown): void {
    this.#claims.set(nameOf(room, key), { digest, result, expiresMs: performance.now() + KEY_TTL_MS })
  }

  #expire (): void {
    const nowMs = performance.now()
    for (const [name, claim] of this.#claims) {
      if (claim.expiresMs > nowMs) return
      this.#claims.delete(name)
    }
  }
}

function nameOf (room: string, key: IdempotencyKey): string {
  return JSON.stringify([room, key.scope, key.key])
}
