import type { Grants } from '../auth/grants.ts'
import { type Refusal, refusal } from '../protocol/codes.ts'
import { ALL, POSITION } from '../protocol/rooms.ts'
import type { RoomRule } from './services.ts'

/**
 * Who may do what: the one place that decides, for every door. Each answers undefined for yes. `grants` is what the
 * token allows, or what everyone may in an open gateway.
 */

/** Joining a room, and reading of it: its history, its members, its state. */
export function refuseJoin (grants: Grants, room: string): Refusal | undefined {
  return grants.in(room, 'join') ? undefined : refusal('forbidden', 'room: the token does not allow to join it')
}

/** @param isMember whether this connection is in the room; those without a connection need not be */
export function refusePublish (grants: Grants, room: string, rule: RoomRule, isMember: boolean): Refusal | undefined {
  if (room === ALL) return refusal('forbidden', 'room: $all is for broadcasts')
  if (room === POSITION) return refusal('forbidden', 'room: position changes by move')
  if (rule.publish === 'server') return refusal('forbidden', 'room: only the server may publish here')
  if (!grants.in(room, 'publish')) return refusal('forbidden', 'room: the token does not allow to publish here')
  if (rule.publish === 'members' && !isMember) return refusal('not_joined')
  return undefined
}

/** Asking who is in a room. */
export function refuseMembers (grants: Grants, room: string, rule: RoomRule): Refusal | undefined {
  return refuseJoin(grants, room) ?? (rule.presence ? undefined : refusal('forbidden', 'room: its rule tells nobody who is there'))
}

export function refuseLeave (room: string): Refusal | undefined {
  return room === ALL ? refusal('forbidden', 'room: every connection is in $all') : undefined
}

export function refuseBroadcast (grants: Grants): Refusal | undefined {
  return grants.can('broadcast') ? undefined : refusal('forbidden', 'the token does not allow to broadcast')
}

export function refuseMove (grants: Grants): Refusal | undefined {
  return grants.can('move') ? undefined : refusal('forbidden', 'the token does not allow to move the car')
}

export function refuseAdmin (grants: Grants): Refusal | undefined {
  return grants.can('admin') ? undefined : refusal('forbidden', 'this asks for a token that can admin')
}
