import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../log/log.ts'
import type { SyncedRoom } from '../log/sync.ts'
import { BrokerError } from '../protocol/codes.ts'
import type { Cursor } from '../protocol/cursor.ts'
import type { Entry } from '../protocol/entry.ts'
import { CONTROL } from '../protocol/rooms.ts'

const NOWHERE: Cursor = { epoch: '', seq: 0, id: '' }

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

const PAGE = 200
const PAGE_BYTES = 1_048_576
const RETRY_MS = 250

/**
 * The orders as they come to this replica; log/sync.ts keeps it in step with the log. Where the log was lost, rewound
 * or has gone too far, a room of messages tells its members so, and goes on; here what the log has that is new is read,
 * and carried out.
 */
export class OrderRoom implements SyncedRoom {
  readonly name = CONTROL
  readonly #log: Pick<Log, 'before'>
  readonly #obey: (order: Order) => void
  #top: Cursor | undefined
  // The newest order that was carried out.
  #newest = { id: '', timestampMs: 0 }
  #isStopped = false

  constructor (log: Pick<Log, 'before'>, obey: (order: Order) => void) {
    this.#log = log
    this.#obey = obey
  }

  get top (): Cursor {
    return this.#top ?? NOWHERE
  }

  deliver (entry: Entry): void {
    this.#top = entry
    this.#carryOut(entry)
  }

  reset (place: Cursor): void {
    const isFirst = this.#top === undefined
    this.#top = place
    // What was ordered before this replica came concerns nobody who is on it.
    if (!isFirst) void this.#catchUp()
  }

  has ({ epoch, seq, id }: Cursor): boolean {
    const { top } = this
    return epoch === top.epoch && seq === top.seq && id === top.id
  }

  agrees (place: Cursor): boolean {
    return place.seq !== this.top.seq || place.id === this.top.id
  }

  stop (): void {
    this.#isStopped = true
  }

  /** It keeps nothing of the past, and nobody signals here. */
  forget (): void {}
  signal (): void {}

  async #catchUp (): Promise<void> {
    while (!this.#isStopped) {
      try {
        for (const entry of await this.#unseen()) this.#carryOut(entry)
        return
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error
        await delay(RETRY_MS, undefined, { ref: false })
      }
    }
  }

  /** What the log has that is newer than all that was carried out, oldest first. */
  async #unseen (): Promise<Entry[]> {
    const { id, timestampMs } = this.#newest
    const unseen: Entry[] = []
    for (let before: number | undefined; ;) {
      const { entries, more } = await this.#log.before(CONTROL, before, PAGE, PAGE_BYTES)
      const newer = entries.filter((entry) => entry.timestampMs >= timestampMs && entry.id !== id)
      unseen.unshift(...newer)
      if (!more || newer.length < entries.length) return unseen
      before = entries[0]!.seq
    }
  }

  #carryOut (entry: Entry): void {
    const { id, timestampMs } = entry
    if (timestampMs >= this.#newest.timestampMs) this.#newest = { id, timestampMs }
    this.#obey(JSON.parse(Buffer.from(entry.content).toString()) as Order)
  }
}
