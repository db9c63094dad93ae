import type { Log } from '../log/log.ts'
import type { SyncedRoom } from '../log/sync.ts'
import type { Cursor } from '../protocol/cursor.ts'
import type { Entry } from '../protocol/entry.ts'
import { CONTROL } from '../protocol/rooms.ts'

/** What is asked of every replica. */
export interface Order { readonly disconnect: string }

/**
 * Orders to all replicas are entries of a log of their own, which no client can join or write to: a replica that was
 * cut off from Redis for a while reads what it missed, as any room does.
 */
export class Orders {
  readonly #log: Pick<Log, 'append'>

  constructor (log: Pick<Log, 'append'>) {
    this.#log = log
  }

  /** Every connection of this user is ended. Resolves when Redis has the order; rejects with BrokerError. */
  async disconnect (user: string): Promise<void> {
    const order: Order = { disconnect: user }
    await this.#log.append(CONTROL, { from: '""', content: JSON.stringify(order) })
  }
}

/** The orders as they come to this replica; log/sync.ts keeps it in step with the log. */
export class OrderRoom implements SyncedRoom {
  readonly name = CONTROL
  readonly #obey: (order: Order) => void
  #top: Cursor = { epoch: '', seq: 0, id: '' }

  constructor (obey: (order: Order) => void) {
    this.#obey = obey
  }

  get top (): Cursor {
    return this.#top
  }

  deliver (entry: Entry): void {
    this.#top = entry
    this.#obey(JSON.parse(Buffer.from(entry.content).toString()) as Order)
  }

  reset (place: Cursor): void {
    this.#top = place
  }

  has ({ epoch, seq, id }: Cursor): boolean {
    return epoch === this.#top.epoch && seq === this.#top.seq && id === this.#top.id
  }

  agrees (place: Cursor): boolean {
    return place.seq !== this.#top.seq || place.id === this.#top.id
  }

  /** It keeps nothing of the past, and nobody signals here. */
  forget (): void {}
  signal (): void {}
}
