import { HARD_END_MS } from './drain-times.ts'
import type { Clock } from './rate-limit.ts'

/** As much of a session as its end asks for. */
export interface Retiring {
  readonly identity: { readonly user: string }
  /** Says goodbye with a slot, and closes 2 s after it. */
  retire (afterMs: number): void
  /** Ends it with a closing handshake. */
  close (name: 'disconnected'): void
  /** Ends the connection without another word. */
  terminate (): void
}

const AGE_SPREAD = 0.2
const SLOWEST_CHECK_MS = 1_000
const CHECKS_PER_AGE = 20

/** All connections of this replica, and their planned ends: by age, or because the replica goes away. */
export class Sessions<Each extends Retiring = Retiring> {
  readonly #maxAgeMs: number
  readonly #now: Clock
  /** With the time at which each is old. */
  readonly #open = new Map<Each, number>()
  #timer: NodeJS.Timeout | undefined
  #isDraining = false
  #onEmpty: () => void = () => {}

  /** @param maxAgeMs after which a connection is asked to come anew; Infinity for never */
  constructor (maxAgeMs: number, now: Clock) {
    this.#maxAgeMs = maxAgeMs
    this.#now = now
  }

  start (): void {
    if (this.#maxAgeMs === Infinity) return
    const everyMs = Math.min(SLOWEST_CHECK_MS, Math.ceil(this.#maxAgeMs / CHECKS_PER_AGE))
    this.#timer = setInterval(() => this.check(), everyMs)
  }

  /** A connection that has been welcomed. */
  add (session: Each): void {
    // Spread, so that those who came in a crowd do not come back in one.
    const ageMs = this.#maxAgeMs * (1 + AGE_SPREAD * (2 * Math.random() - 1))
    this.#open.set(session, this.#now() + ageMs)
    // Nobody is let in any more; but code that embeds a gateway may stop it in the middle of an upgrade.
    if (this.#isDraining) session.retire(0)
  }

  get all (): Iterable<Each> {
    return this.#open.keys()
  }

  get size (): number {
    return this.#open.size
  }

  delete (session: Each): void {
    this.#open.delete(session)
    if (this.#open.size === 0) this.#onEmpty()
  }

  /** Ends all connections of a user. */
  disconnect (user: string): void {
    for (const session of [...this.#open.keys()]) if (session.identity.user === user) session.close('disconnected')
  }

  /** Time has passed: whoever is old is asked to come anew. */
  check (): void {
    const nowMs = this.#now()
    for (const [session, oldMs] of this.#open) if (nowMs >= oldMs) session.retire(0)
  }

  /**
   * Sends everyone away, with slots spread evenly over the window. Resolves when all have gone: at once where there
   * are none, and after the window and HARD_END_MS even where clients never answer.
   */
  async drain (windowMs: number): Promise<void> {
    this.#isDraining = true
    clearInterval(this.#timer)
    const sessions = [...this.#open.keys()]
    sessions.forEach((session, index) => session.retire(Math.floor(index * windowMs / sessions.length)))
    const forced = setTimeout(() => {
      for (const session of this.#open.keys()) session.terminate()
    }, windowMs + HARD_END_MS)
    await this.#allGone()
    clearTimeout(forced)
  }

  async #allGone (): Promise<void> {
    if (this.#open.size > 0) await new Promise<void>((resolve) => { this.#onEmpty = resolve })
  }
}
