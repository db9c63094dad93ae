import type { GapReason } from '../../src/protocol/entry.ts'

/** A place in the model's log. A message's content is its identity; of an empty log it is the epoch's. */
export interface Place { readonly epoch: number, readonly seq: number, readonly content: string }

/** What a room's log means (docs/protocol.md, "The promise"), without any of how it is done. */
export class ModelLog {
  readonly #maxEntries: number
  #epoch = 0
  #published = 0
  /** The place before the oldest message that is kept. */
  #base: Place = this.beginning
  #kept: Place[] = []

  constructor (maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  get top (): Place {
    return this.#kept.at(-1) ?? this.#base
  }

  /** Where the present log began. */
  get beginning (): Place {
    return { epoch: this.#epoch, seq: 0, content: `epoch ${this.#epoch}` }
  }

  get size (): number {
    return this.#kept.length
  }

  publish (): Place {
    const place = { epoch: this.#epoch, seq: this.top.seq + 1, content: `message ${++this.#published}` }
    this.#kept.push(place)
    if (this.#kept.length > this.#maxEntries) this.#base = this.#kept.shift()!
    return place
  }

  /** Everything is gone. */
  flush (): void {
    this.#epoch++
    this.#kept = []
    this.#base = this.beginning
  }

  /** A failover to a server that never saw the newest messages: their numbers will be given out again. */
  fork (count: number): void {
    this.#kept.splice(Math.max(0, this.#kept.length - count))
  }

  /** Why what follows a place cannot be had; undefined where it can. */
  whyNot (place: Place): GapReason | undefined {
    if (place.epoch !== this.#epoch) return 'epoch'
    if (place.seq > this.top.seq) return 'ahead'
    if (place.seq < this.#base.seq) return 'trimmed'
    const here = [this.#base, ...this.#kept].find(({ seq }) => seq === place.seq)!
    return here.content === place.content ? undefined : 'fork'
  }

  after (place: Place): readonly Place[] {
    return this.#kept.filter(({ seq }) => seq > place.seq)
  }
}
