import { type Cursor, sameCursor } from '../protocol/cursor.ts'
import type { Sent } from './frame.ts'

/** What all rings of a replica may hold together: over it, those that changed longest ago are emptied. */
export class RingBudget {
  readonly #maxBytes: number
  // In the order of their last change.
  readonly #rings = new Set<Ring>()
  #bytes = 0
  #isEmptying = false

  constructor (maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes (): number {
    return this.#bytes
  }

  /** A ring has changed by so many bytes. */
  change (ring: Ring, bytes: number): void {
    this.#bytes += bytes
    this.#rings.delete(ring)
    if (ring.bytes > 0) this.#rings.add(ring)
    // A ring that is emptied here tells so, here.
    if (this.#isEmptying) return
    this.#isEmptying = true
    for (const oldest of this.#rings) {
      if (this.#bytes > this.#maxBytes && oldest !== ring) oldest.restart(oldest.top)
      else break
    }
    this.#isEmptying = false
  }
}

const MAX_ENTRIES = 500

/** How much a room's log keeps. A ring keeps no more, or replicas would tell of different pasts. */
export interface LogLimits {
  readonly maxEntries: number
  /** Milliseconds; 0 for ever. */
  readonly maxAgeMs: number
}

/**
 * The newest frames of a numbered room, so that who joins or fell behind reads on without asking Redis.
 * Invariant: the frames are contiguous, the first one follows `#base`, and all are of one epoch.
 */
export class Ring {
  readonly #maxEntries: number
  readonly #logEntries: number
  readonly #maxAgeMs: number
  readonly #maxBytes: number
  readonly #budget: RingBudget
  #base: Cursor
  #frames: Sent[] = []
  // By this process's clock, beside the frames: when each was stored.
  #storedMs: number[] = []
  #bytes = 0

  constructor (base: Cursor, limits: LogLimits, maxBytes: number, budget: RingBudget) {
    this.#base = base
    this.#maxEntries = Math.min(limits.maxEntries, MAX_ENTRIES)
    this.#logEntries = limits.maxEntries
    this.#maxAgeMs = limits.maxAgeMs
    this.#maxBytes = maxBytes
    this.#budget = budget
  }

  get bytes (): number {
    return this.#bytes
  }

  /** The place of the newest frame: where the room stands on this replica. */
  get top (): Cursor {
    return this.newest ?? this.#base
  }

  /** @param ageMs how long ago it was stored, by Redis's clock; so nobody's wall clock matters */
  push (sent: Sent, ageMs = 0): void {
    // A `latest` room may jump over values that nobody needs any more: the frames begin anew behind the jump.
    if (sent.seq !== this.top.seq + 1 || sent.prev !== this.top.id) {
      this.restart({ epoch: sent.epoch, seq: sent.seq - 1, id: sent.prev })
    }
    const before = this.#bytes
    this.#frames.push(sent)
    this.#storedMs.push(performance.now() - ageMs)
    this.#bytes += sent.frame.length
    while (this.#frames.length > this.#maxEntries || (this.#bytes > this.#maxBytes && this.#frames.length > 1)) {
      const evicted = this.#frames.shift()!
      this.#storedMs.shift()
      this.#bytes -= evicted.frame.length
      this.#base = placeOf(evicted)
    }
    this.#budget.change(this, this.#bytes - before)
  }

  /**
   * Older frames that were read from the log, if they lead up to the base: as many as there is room for.
   * @param nowMs when they were read: milliseconds since 1970, by Redis's clock
   */
  prepend (older: readonly Sent[], nowMs: number): void {
    const before = this.#bytes
    for (let at = older.findIndex((sent) => sameCursor(sent, this.#base)); at >= 0; at--) {
      const sent = older[at]!
      const isLink = sameCursor(sent, this.#base)
      if (!isLink || this.#frames.length >= this.#maxEntries || this.#bytes + sent.frame.length > this.#maxBytes) break
      this.#frames.unshift(sent)
      this.#storedMs.unshift(performance.now() - (nowMs - sent.timestampMs))
      this.#bytes += sent.frame.length
      this.#base = { epoch: sent.epoch, seq: sent.seq - 1, id: sent.prev }
    }
    this.#budget.change(this, this.#bytes - before)
  }

  /** The frames after a place, or undefined where the ring cannot tell them from what it holds, or is too old to. */
  after (place: Cursor): readonly Sent[] | undefined {
    if (!this.has(place)) return undefined
    const from = place.seq - this.#base.seq
    return from < this.#frames.length && this.#isExpired(from) ? undefined : this.#frames.slice(from)
  }

  /** The newest so many frames up to a place; undefined where the log may have more of them, or others. */
  last (count: number, upTo: Cursor): readonly Sent[] | undefined {
    if (!this.has(upTo)) return undefined
    const end = upTo.seq - this.#base.seq
    let from = end
    while (from > 0 && end - from < count && !this.#isExpired(from - 1)) from--
    const isWholeLog = this.#base.seq === 0 || (end > 0 && this.#frames.length === this.#logEntries)
    const isAll = end - from === count || from > 0 || isWholeLog
    return isAll ? this.#frames.slice(from, end) : undefined
  }

  /** True where this very entry is here, or is the one just before. */
  has (place: Cursor): boolean {
    const here = this.#at(place.seq)
    return here !== undefined && sameCursor(here, place)
  }

  /** False where the ring knows another entry of this number. */
  agrees (place: Cursor): boolean {
    const here = this.#at(place.seq)
    return here === undefined || sameCursor(here, place)
  }

  #at (seq: number): Cursor | undefined {
    return seq === this.#base.seq ? this.#base : this.#frames[seq - this.#base.seq - 1]
  }

  /** Those before it are, too: within a room time never goes back. */
  #isExpired (index: number): boolean {
    return this.#maxAgeMs > 0 && performance.now() - this.#storedMs[index]! >= this.#maxAgeMs
  }

  get newest (): Sent | undefined {
    return this.#frames.at(-1)
  }

  /** Begins anew behind another place: the log was lost, rewound or forked. */
  restart (base: Cursor): void {
    const before = this.#bytes
    this.#base = placeOf(base)
    this.#frames = []
    this.#storedMs = []
    this.#bytes = 0
    this.#budget.change(this, -before)
  }
}

/** Only the place: a base must not hold on to a frame's bytes. */
function placeOf ({ epoch, seq, id }: Cursor): Cursor {
  return { epoch, seq, id }
}
