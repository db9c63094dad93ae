import { type Cursor, sameCursor } from '../protocol/cursor.ts'
import type { Sent } from './frame.ts'

/**
 * The newest frames of a numbered room, so that who joins or fell behind reads on without asking Redis.
 * Invariant: the frames are contiguous, the first one follows `#base`, and all are of one epoch.
 */
export class Ring {
  readonly #maxEntries: number
  readonly #maxBytes: number
  #base: Cursor
  #frames: Sent[] = []
  #bytes = 0

  constructor (base: Cursor, maxEntries: number, maxBytes: number) {
    this.#base = base
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
  }

  /** The place of the newest frame: where the room stands on this replica. */
  get top (): Cursor {
    return this.#frames.at(-1) ?? this.#base
  }

  push (sent: Sent): void {
    this.#frames.push(sent)
    this.#bytes += sent.frame.length
    while (this.#frames.length > this.#maxEntries || (this.#bytes > this.#maxBytes && this.#frames.length > 1)) {
      const evicted = this.#frames.shift()!
      this.#bytes -= evicted.frame.length
      // Only the place is kept: the base must not hold on to the frame's bytes.
      this.#base = { epoch: evicted.epoch, seq: evicted.seq, id: evicted.id }
    }
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

  /** The newest frame, or none. */
  newest (): readonly Sent[] {
    return this.#frames.slice(-1)
  }

  /** Begins anew behind another place: the log was lost, rewound or forked. */
  restart (base: Cursor): void {
    this.#base = base
    this.#frames = []
    this.#bytes = 0
  }
}
