import type { Followed } from './broker/interest.ts'
import type { Hub } from './hub/hub.ts'
import { PresenceFeed } from './hub/presence-feed.ts'
import type { Backlog, Newest, Page, Room } from './hub/room.ts'
import type { IdleCheck } from './log/idle-check.ts'
import type { Log, Retention } from './log/log.ts'
import { SharedReads } from './log/shared-reads.ts'
import { RoomSync } from './log/sync.ts'
import type { SyncCounts } from './log/sync-counts.ts'
import type { Position } from './position/position.ts'
import { stillEntry } from './position/still.ts'
import { BrokerError } from './protocol/codes.ts'
import type { Cursor } from './protocol/cursor.ts'
import type { Envelope } from './protocol/entry.ts'
import { CONTROL, POSITION, type RoomKind } from './protocol/rooms.ts'
import { type Order, OrderRoom } from './session/orders.ts'

interface Parts {
  readonly hub: Hub
  readonly log: Log
  readonly position: Position
  readonly idleCheck: IdleCheck
  readonly syncCounts: SyncCounts
  readonly obey: (order: Order) => void
  readonly rules: { of (room: string): Rule }
}

interface Rule { readonly kind: RoomKind, readonly retention: Retention, readonly presenceMergeAbove: number }

/** A room that this replica begins to follow: its place in the hub, kept in step with its log, where it has one. */
export function follow (name: string, parts: Parts): Followed {
  if (name === CONTROL) return new FollowedOrders(parts)
  const rule = parts.rules.of(name)
  if (rule.kind === 'live') return new FollowedSignals(name, parts, rule)
  return name === POSITION ? new FollowedCar(name, parts, rule) : new FollowedLog(name, parts, rule)
}

/** A numbered room, and its log as its members ask for it. */
class FollowedLog implements Followed, Backlog {
  readonly #hub: Hub
  readonly #idleCheck: IdleCheck
  readonly #room: Room
  readonly #reads: SharedReads
  readonly #sync: RoomSync
  readonly #feed: PresenceFeed

  constructor (name: string, parts: Parts, { kind, retention, presenceMergeAbove }: Rule) {
    const { hub, log, idleCheck, syncCounts } = parts
    this.#hub = hub
    this.#idleCheck = idleCheck
    this.#reads = new SharedReads(log, name)
    this.#room = hub.open(name, kind, this, retention)
    this.#sync = new RoomSync(log, this.#reads, this.#room, retention.latestOnly, syncCounts)
    this.#feed = new PresenceFeed(this.#room, presenceMergeAbove)
  }

  async start (): Promise<void> {
    this.#idleCheck.add(this.#sync)
    await this.#sync.start()
  }

  receive (envelope: Envelope): void {
    if (envelope.kind === 'presence') this.#feed.tell(envelope.change)
    else this.#sync.receive(envelope)
  }

  async restore (): Promise<void> {
    this.#room.restored()
    await this.#sync.restore()
  }

  stop (): void {
    this.#feed.stop()
    this.#idleCheck.remove(this.#sync)
    this.#sync.stop()
    this.#hub.close(this.#room.name)
  }

  after (place: Cursor): Promise<Page> {
    return this.#reads.after(place)
  }

  page (place: Cursor, top: Cursor): Promise<Page> {
    return this.#reads.page(place, top)
  }

  newest (count: number, top: Cursor): Promise<Newest> {
    return this.#reads.newest(count, top)
  }

  top (): Promise<Cursor> {
    return this.#sync.top()
  }
}

/** Who followed the car when its log was lost is told where it stands now, though nothing moved it. */
class FollowedCar extends FollowedLog {
  readonly #log: Log
  readonly #position: Position
  // Whoever shares a read shares this, too.
  readonly #withCars = new WeakMap<Page, Promise<Page>>()

  constructor (name: string, parts: Parts, rule: Rule) {
    super(name, parts, rule)
    this.#log = parts.log
    this.#position = parts.position
  }

  override async after (place: Cursor): Promise<Page> {
    const page = await super.after(place)
    let completed = this.#withCars.get(page)
    if (completed === undefined) this.#withCars.set(page, completed = this.#withCar(page))
    return await completed
  }

  async #withCar (page: Page): Promise<Page> {
    if (page.gap === undefined || page.top.seq > 0) return page
    try {
      const still = await stillEntry(this.#position, this.#log, page.top)
      return still === undefined ? page : { ...page, entries: [still] }
    } catch (error) {
      // Redis is gone again. The next one who asks is told.
      if (!(error instanceof BrokerError)) throw error
      return page
    }
  }
}

/** Of a room without a log: its members never ask. */
const NO_LOG: Backlog = {
  after: noLog, page: noLog, newest: noLog, top: noLog
}

async function noLog (): Promise<never> {
  throw new Error('a live room has no log')
}

/** A `live` room: what is said there is said once. */
class FollowedSignals implements Followed {
  readonly #hub: Hub
  readonly #room: Room
  readonly #feed: PresenceFeed

  constructor (name: string, { hub }: Parts, { kind, retention, presenceMergeAbove }: Rule) {
    this.#hub = hub
    this.#room = hub.open(name, kind, NO_LOG, retention)
    this.#feed = new PresenceFeed(this.#room, presenceMergeAbove)
  }

  async start (): Promise<void> {}

  receive (envelope: Envelope): void {
    if (envelope.kind === 'presence') this.#feed.tell(envelope.change)
    else if (envelope.kind === 'signal') this.#room.signal(envelope.signal)
  }

  async restore (): Promise<void> {
    this.#room.restored()
  }

  stop (): void {
    this.#feed.stop()
    this.#hub.close(this.#room.name)
  }
}

/** What all replicas are told to do: a log like any other, without members. */
class FollowedOrders implements Followed {
  readonly #idleCheck: IdleCheck
  readonly #room: OrderRoom
  readonly #sync: RoomSync

  constructor ({ log, idleCheck, syncCounts, obey }: Parts) {
    this.#idleCheck = idleCheck
    this.#room = new OrderRoom(log, obey)
    this.#sync = new RoomSync(log, new SharedReads(log, CONTROL), this.#room, false, syncCounts)
  }

  async start (): Promise<void> {
    this.#idleCheck.add(this.#sync)
    await this.#sync.start()
  }

  receive (envelope: Envelope): void {
    this.#sync.receive(envelope)
  }

  async restore (): Promise<void> {
    await this.#sync.restore()
  }

  stop (): void {
    this.#idleCheck.remove(this.#sync)
    this.#sync.stop()
    this.#room.stop()
  }
}
