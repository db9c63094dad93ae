import type { Clock } from './rate-limit.ts'

/** As much of a connection as is asked for here. */
interface Sheddable {
  readonly queue: { readonly queuedBytes: number }
  readonly members: { readonly size: number }
  close (name: 'overloaded'): void
}

// V8 gives up at some 80 %, where it collects all the time and frees little (a heap of 96 MB; Node 20).
/** Above this share of its memory a replica lets nobody in, and above the second it parts with some who are there. */
export const FULL_SHARE = 0.6
export const SHED_SHARE = 0.7
const SHED_OF_ALL = 0.05
// What a connection held is not free at once: more are not ended before that can show.
const REST_MS = 1_000
// A room that one is in weighs about so much here.
const ROOM_BYTES = 4_096

/** Ends those who hold most, before memory ends all: a few at a time, for as long as it is short. */
export class Shedder {
  readonly #all: () => Iterable<Sheddable>
  readonly #now: Clock
  readonly #onShed: (connections: number, share: number) => void
  #restUntilMs = 0

  /** @param onShed called with how many are ended, and with the share of memory that was in use */
  constructor (
    all: () => Iterable<Sheddable>, now: Clock, onShed: (connections: number, share: number) => void
  ) {
    this.#all = all
    this.#now = now
    this.#onShed = onShed
  }

  /** @param share of its memory that this process uses */
  check (share: number): void {
    const nowMs = this.#now()
    if (share < SHED_SHARE || nowMs < this.#restUntilMs) return
    this.#restUntilMs = nowMs + REST_MS
    const weighed = [...this.#all()].map((each) =>
      ({ each, bytes: each.queue.queuedBytes + each.members.size * ROOM_BYTES }))
    weighed.sort((a, b) => b.bytes - a.bytes)
    const heaviest = weighed.slice(0, Math.ceil(weighed.length * SHED_OF_ALL))
    for (const { each } of heaviest) each.close('overloaded')
    if (heaviest.length > 0) this.#onShed(heaviest.length, share)
  }
}
