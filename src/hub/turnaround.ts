import { Latency } from './latency.ts'
import type { Flusher, FlushListener } from './flusher.ts'

// What is never heard (its room was given up, its outcome is not known) makes room for what comes after it.
const MAX_BEGUN = 256
// Two readings of the clock and a key in a map are more than a message to one member should pay.
const ONE_OF = 8

/**
 * How long a message takes from this replica through Redis and back, until it is written to its members here. Begin and
 * end are read from one clock: those of two machines never agree to the millisecond.
 */
export class Turnaround implements FlushListener {
  readonly latency = new Latency()
  readonly #flusher: Flusher
  // By the ids of entries, oldest first.
  readonly #begun = new Map<string, number>()
  #count = 0
  #heard: number[] = []

  constructor (flusher: Flusher) {
    this.#flusher = flusher
  }

  /** An entry with this id is being appended: the first of each eight is measured. */
  begin (id: string): void {
    if (this.#count++ % ONE_OF > 0) return
    if (this.#begun.size >= MAX_BEGUN) this.#begun.delete(this.#begun.keys().next().value!)
    this.#begun.set(id, performance.now())
  }

  /** It was not stored. */
  forget (id: string): void {
    this.#begun.delete(id)
  }

  /** An entry has been queued for its members. Most are not measured, or of other replicas. */
  heard (id: string): void {
    const begunMs = this.#begun.size === 0 ? undefined : this.#begun.get(id)
    if (begunMs === undefined) return
    this.#begun.delete(id)
    if (this.#heard.push(begunMs) === 1) this.#flusher.afterFlush(this)
  }

  onFlushed (): void {
    const nowMs = performance.now()
    for (const begunMs of this.#heard) this.latency.observe(nowMs - begunMs)
    this.#heard = []
  }
}
