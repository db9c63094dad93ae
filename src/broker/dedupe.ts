import { type IdempotencyKey, KEY_TTL_MS } from '../protocol/entry.ts'

interface Claim { readonly content: string, readonly result: unknown, readonly expiresMs: number }

/** The embedded broker's memory of idempotency keys. Claims expire in the order in which they were made. */
export class DedupeMemory {
  readonly #claims = new Map<string, Claim>()

  /** The first claim's result, 'key_reused' where its content was other; undefined where the key is new. */
  find<Result> (room: string, key: IdempotencyKey, content: string): { result: Result } | 'key_reused' | undefined {
    this.#expire()
    const claim = this.#claims.get(nameOf(room, key))
    if (claim === undefined) return undefined
    return claim.content === content ? { result: claim.result as Result } : 'key_reused'
  }

  remember (room: string, key: IdempotencyKey, content: string, result: unknown): void {
    this.#claims.set(nameOf(room, key), { content, result, expiresMs: performance.now() + KEY_TTL_MS })
  }

  /** Finds, or else remembers. */
  claim<Result> (room: string, key: IdempotencyKey, content: string, result: Result):
  { result: Result } | 'key_reused' | undefined {
    const found = this.find<Result>(room, key, content)
    if (found === undefined) this.remember(room, key, content, result)
    return found
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
