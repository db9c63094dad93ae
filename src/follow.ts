import type { Followed } from './broker/interest.ts'
import type { Hub } from './hub/hub.ts'
import { PresenceFeed } from './hub/presence-feed.ts'
import type { Page, Room } from './hub/room.ts'
import type { IdleCheck } from './log/idle-check.ts'
import type { Log, Retention } from './log/log.ts'
import { SharedReads } from './log/shared-reads.ts'
import { RoomSync } from './log/sync.ts'
import type { SyncCounts } from './log/sync-counts.ts'
import type { Position } from './position/position.ts'
import { stillEntry } from './position/still.ts'
import { BrokerError } from './protocol/codes.ts'
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
  const { hub, log, position, idleCheck, syncCounts, rules } = parts
  if (name === CONTROL) return followOrders(parts)
  const { kind, retention, presenceMergeAbove } = rules.of(name)
  const reads = new SharedReads(log, name)
  const withCars = new WeakMap<Page, Promise<Page>>()
  const room: Room = hub.open(name, kind, {
    after: async (place) => {
      const page = await reads.after(place)
      if (name !== POSITION) return page
      // Whoever shares the read shares this, too.
      let completed = withCars.get(page)
      if (completed === undefined) withCars.set(page, completed = withCar(page, position, log))
      return await completed
    },
    page: (place, top) => reads.page(place, top),
    newest: (count, top) => reads.newest(count, top),
    top: () => sync.top()
  }, retention)
  const feed = new PresenceFeed(room, presenceMergeAbove)
  // A `live` room's members never ask for its log.
  if (kind === 'live') return withPresence(followSignals(name, hub, room), feed)
  const sync = new RoomSync(log, reads, room, retention.latestOnly, syncCounts)
  return withPresence(followLog(sync, hub, room, idleCheck), feed)
}

function withPresence (followed: Followed, feed: PresenceFeed): Followed {
  return {
    ...followed,
    receive: (envelope) => {
      if (envelope.kind === 'presence') feed.tell(envelope.change)
      else followed.receive(envelope)
    },
    stop: () => {
      feed.stop()
      followed.stop()
    }
  }
}

/** Who followed the car when its log was lost is told where it stands now, though nothing moved it. */
async function withCar (page: Page, position: Position, log: Log): Promise<Page> {
  if (page.gap === undefined || page.top.seq > 0) return page
  try {
    const still = await stillEntry(position, log, page.top)
    return still === undefined ? page : { ...page, entries: [still] }
  } catch (error) {
    // Redis is gone again. The next one who asks is told.
    if (!(error instanceof BrokerError)) throw error
    return page
  }
}

function followSignals (name: string, hub: Hub, room: Room): Followed {
  return {
    start: async () => {},
    receive: (envelope) => { if (envelope.kind === 'signal') room.signal(envelope.signal) },
    restore: async () => room.restored(),
    stop: () => hub.close(name)
  }
}

/** What all replicas are told to do: a log like any other, without members. */
function followOrders ({ log, idleCheck, syncCounts, obey }: Parts): Followed {
  const room = new OrderRoom(log, obey)
  const sync = new RoomSync(log, new SharedReads(log, CONTROL), room, false, syncCounts)
  return keepInStep(sync, idleCheck, () => {}, () => room.stop())
}

function followLog (sync: RoomSync, hub: Hub, room: Room, idleCheck: IdleCheck): Followed {
  return keepInStep(sync, idleCheck, () => room.restored(), () => hub.close(room.name))
}

function keepInStep (sync: RoomSync, idleCheck: IdleCheck, onRestored: () => void, onStopped: () => void): Followed {
  return {
    start: async () => {
      idleCheck.add(sync)
      await sync.start()
    },
    receive: (envelope) => sync.receive(envelope),
    restore: async () => {
      onRestored()
      await sync.restore()
    },
    stop: () => {
      idleCheck.remove(sync)
      sync.stop()
      onStopped()
    }
  }
}
