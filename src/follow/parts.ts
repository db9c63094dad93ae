import type { Hub } from '../hub/hub.ts'
import type { IdleCheck } from '../log/idle-check.ts'
import type { Log, Retention } from '../log/log.ts'
import type { SyncCounts } from '../log/sync-counts.ts'
import type { Position } from '../position/position.ts'
import type { RoomKind } from '../protocol/rooms.ts'
import type { Order } from '../session/orders.ts'

/** Of the replica, as much as a followed room needs. */
export interface FollowParts {
  readonly hub: Hub
  readonly log: Log
  readonly position: Position
  readonly idleCheck: IdleCheck
  readonly syncCounts: SyncCounts
  readonly obey: (order: Order) => void
  readonly rules: { of (room: string): FollowRule }
}

export interface FollowRule {
  readonly kind: RoomKind
  readonly retention: Retention
  readonly presenceMergeAbove: number
}
