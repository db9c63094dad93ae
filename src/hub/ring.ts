import { type Cursor, sameCursor } from '../protocol/cursor.ts'
import type { Sent } from './frame.ts'

/** What all rings of a replica may hold together: over it, those that were used longest ago are emptied. */
export class RingBudget {
  readonly #maxBytes: number
  // In the order of their last use.
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

/**
 * The newest frames of a numbered room, so that who joins or fell behind reads on without asking Redis.
 * Invariant: the frames are contiguous, the first one follows `#base`, and all are of one epoch.
 */
export class Ring {
  readonly #maxEntries: number
  readonly #maxBytes: number
  readonly #budget: RingBudget
  #base: Cursor
  #frames: Sent[] = []
  #bytes = 0

  constructor (base: Cursor, maxEntries: number, maxBytes: number, budget: RingBudget) {
    this.#base = base
    this.#maxEntries = maxEntries
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

  push (sent: Sent): void {
    // A `latest` room may jump over values that nobody needs any more: the frames begin anew behind the jump.
    if (sent.seq !== this.top.seq + 1 || sent.prev !== this.top.id) {
      this.restart({ epoch: sent.epoch, seq: sent.seq - 1, id: sent.prev })
    }
    const before = this.#bytes
    this.#frames.push(sent)
    this.#bytes += sent.frame.length
    while (this.#frames.length > this.#maxEntries || (this.#bytes > this.#maxBytes && this.#frames.length > 1)) {
      const evicted = this.#frames.shift()!
      this.#bytes -= evicted.frame.length
      this.#base = placeOf(evicted)
    }
    this.#budget.change(this, this.#bytes - before)
  }

  /** The frames after a place, or undefined where the ring cannot tell them from what it holds. */
  after (place: Cursor): readonly Sent[] | undefined {
    const here = this.#at(place.seq)
    return here !== undefined && sameCursor(here, place) ? this.#frames.slice(place.seq - this.#base.seq) : undefined
  }

  /** False where the ring knows another entry of this number. */
  agrees (place: Cursor): boolean {
    const here = this.#at(place.seq)
    return here === undefined || sameCursor(here, place)
  }

  #at (seq: number): Cursor | undefined {
    return seq === this.#base.seq ? this.#base : this.#frames[seq - this.#base.seq - 1]
  }

  get newest (): Sent | undefined {
    return this.#frames.at(-1)
  }

  /** Begins anew behind another place: the log was lost, rewound or forked. */
  restart (base: Cursor): void {
    const before = this.#bytes
    this.#base = placeOf(base)
    this.#frames = []
    this.#bytes = 0
    this.#budget.change(this, -before)
  }
}

/** Only the place: a base must not hold on to a frame's bytes. */
function placeOf ({ epoch, seq, id }: Cursor): Cursor {
  return { epoch, seq, id }
}
