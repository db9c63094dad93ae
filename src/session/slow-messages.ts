import type { Clock } from './rate-limit.ts'

/** As much of a connection as is asked for here. */
export interface Talking {
  /** Part of a message has come, and the rest has not; false where we are the ones who do not read. */
  readonly isMidMessage: boolean
  /** How many have come whole. */
  readonly messages: number
  onDrip (): void
}

interface Begun { readonly sinceMs: number, readonly messages: number }

const DEADLINE_MS = 10_000
const CHECK_MS = 1_000

/**
 * Ends connections whose message does not come to its end: each holds on to what it has sent, and, with pongs between
 * its fragments, would never be silent. ws has no such deadline.
 */
export class SlowMessages {
  readonly #all: () => Iterable<Talking>
  readonly #now: Clock
  // Since when, and behind how many others: most connections are never found in the middle of one.
  #begun = new Map<Talking, Begun>()
  #timer: NodeJS.Timeout | undefined

  constructor (all: () => Iterable<Talking>, now: Clock) {
    this.#all = all
    this.#now = now
  }

  start (): void {
    this.#timer = setInterval(() => this.check(), CHECK_MS)
  }

  stop (): void {
    clearInterval(this.#timer)
  }

  get size (): number {
    return this.#begun.size
  }

  check (): void {
    const nowMs = this.#now()
    const still = new Map<Talking, Begun>()
    for (const each of this.#all()) {
      if (!each.isMidMessage) continue
      const before = this.#begun.get(each)
      const isSame = before?.messages === each.messages
      if (isSame && nowMs - before.sinceMs >= DEADLINE_MS) each.onDrip()
      else still.set(each, isSame ? before : { sinceMs: nowMs, messages: each.messages })
    }
    this.#begun = still
  }
}
