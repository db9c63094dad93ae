import { BrokerError } from '../protocol/codes.ts'
import type { Quota } from '../quota/quota.ts'
import { type Clock, TokenBucket } from './rate-limit.ts'

interface Usage { readonly own: TokenBucket, unreported: number, blockedUntilMs: number, usedMs: number }

const WINDOW_MS = 2_000
const LARGEST_BATCH = 10
const FORGET_MS = 10_000

/**
 * What each user may publish over all connections and replicas. A replica counts for itself, and tells the others (in
 * Redis) of several publishes at once, after the fact: no message waits for it. So a user who is spread over replicas
 * can be ahead of the limit by one batch on each. By itself each replica holds a user to the whole rate, whatever Redis
 * says, or does not say yet.
 */
export class UserRates {
  readonly #quota: Quota
  readonly #perSecond: number
  readonly #perWindow: number
  readonly #batch: number
  readonly #now: Clock
  readonly #usages = new Map<string, Usage>()
  #timer: NodeJS.Timeout | undefined

  /** @param perSecond Infinity for no limit */
  constructor (quota: Quota, perSecond: number, now: Clock) {
    this.#quota = quota
    this.#perSecond = perSecond
    this.#perWindow = perSecond * WINDOW_MS / 1_000
    // A tenth of what passes in a second.
    this.#batch = Math.min(LARGEST_BATCH, Math.max(1, Math.floor(perSecond / 10)))
    this.#now = now
  }

  start (): void {
    this.#timer = setInterval(() => this.forget(), FORGET_MS)
  }

  stop (): void {
    clearInterval(this.#timer)
  }

  /** Counts one publish. 0 where it may be carried out; else in how many milliseconds it may be tried again. */
  take (user: string): number {
    if (this.#perWindow === Infinity) return 0
    const nowMs = this.#now()
    let usage = this.#usages.get(user)
    if (usage === undefined) this.#usages.set(user, usage = this.#newUsage())
    usage.usedMs = nowMs
    if (nowMs < usage.blockedUntilMs) return Math.ceil(usage.blockedUntilMs - nowMs)
    const waitMs = usage.own.take()
    if (waitMs > 0) return waitMs
    if (++usage.unreported >= this.#batch) void this.#report(user, usage)
    return 0
  }

  /** Users who have published nothing for a while are not kept. */
  forget (): void {
    const oldMs = this.#now() - FORGET_MS
    for (const [user, { usedMs }] of this.#usages) if (usedMs < oldMs) this.#usages.delete(user)
  }

  get size (): number {
    return this.#usages.size
  }

  #newUsage (): Usage {
    const own = new TokenBucket(this.#perSecond, 2 * this.#perSecond, this.#now)
    return { own, unreported: 0, blockedUntilMs: 0, usedMs: 0 }
  }

  async #report (user: string, usage: Usage): Promise<void> {
    const amount = usage.unreported
    usage.unreported = 0
    try {
      const { count, leftMs } = await this.#quota.add(`user:${user}`, amount, WINDOW_MS)
      if (count >= this.#perWindow) usage.blockedUntilMs = this.#now() + leftMs
    } catch (error) {
      // While Redis is away each replica counts for itself.
      if (!(error instanceof BrokerError)) throw error
    }
  }
}
