import type { Access } from '../auth/auth.ts'
import type { Grants } from '../auth/grants.ts'

// What setTimeout takes at most; more would run at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Whose token it is. */
export interface TokenHolder {
  /** The token has ended without being renewed. */
  onTokenEnded (): void
}

/** What one connection may do, until its token ends. A fresh token takes the place of the old one. */
export class Credentials {
  readonly #holder: TokenHolder
  #access: Access
  #timer: NodeJS.Timeout | undefined

  constructor (access: Access, holder: TokenHolder) {
    this.#holder = holder
    this.#access = access
    this.#watch()
  }

  get grants (): Grants {
    return this.#access.grants
  }

  /** What the token says of its user, as JSON text. */
  get info (): string | undefined {
    return this.#access.info
  }

  /** As ISO 8601; undefined for never. */
  get expires (): string | undefined {
    const { expiresMs } = this.#access
    return expiresMs === undefined ? undefined : new Date(expiresMs).toISOString()
  }

  renew (access: Access): void {
    this.#access = access
    this.#watch()
  }

  stop (): void {
    clearTimeout(this.#timer)
  }

  #watch (): void {
    clearTimeout(this.#timer)
    const leftMs = this.#access.endsMs - Date.now()
    if (leftMs === Infinity) return
    this.#timer = setTimeout(() => {
      if (Date.now() >= this.#access.endsMs) this.#holder.onTokenEnded()
      else this.#watch()
    }, Math.min(Math.max(leftMs, 0), LONGEST_TIMER_MS))
  }
}
