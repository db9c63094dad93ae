import type { Followed } from '../broker/interest.ts'
import { CONTROL, POSITION } from '../protocol/rooms.ts'
import { FollowedCar } from './followed-car.ts'
import { FollowedLog } from './followed-log.ts'
import { FollowedOrders } from './followed-orders.ts'
import { FollowedSignals } from './followed-signals.ts'
import type { FollowParts } from './parts.ts'

/** A room that this replica begins to follow: its place in the hub, kept in step with its log, where it has one. */
export function follow (name: string, parts: FollowParts): Followed {
  if (name === CONTROL) return new FollowedOrders(parts)
  const rule = parts.rules.of(name)
  if (rule.kind === 'live') return new FollowedSignals(name, parts, rule)
  return name === POSITION ? new FollowedCar(name, parts, rule) : new FollowedLog(name, parts, rule)
}
