import type { Followed } from '../broker/interest.ts'
import type { Hub } from '../hub/hub.ts'
import { PresenceFeed } from '../hub/presence-feed.ts'
import type { Backlog, Newest, Page, Room } from '../hub/room.ts'
import type { IdleCheck } from '../log/idle-check.ts'
import { SharedReads } from '../log/shared-reads.ts'
import { RoomSync } from '../log/sync.ts'
import type { Cursor } from '../protocol/cursor.ts'
import type { Envelope } from '../protocol/entry.ts'
import type { FollowParts, FollowRule } from './parts.ts'

/** A numbered room, and its log as its members ask for it. */
export class FollowedLog implements Followed, Backlog {
  readonly #hub: Hub
  readonly #idleCheck: IdleCheck
  readonly #room: Room
  readonly #reads: SharedReads
  readonly #sync: RoomSync
  readonly #feed: PresenceFeed

  constructor (name: string, parts: FollowParts, { kind, retention, presenceMergeAbove }: FollowRule) {
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
