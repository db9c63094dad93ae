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

/** @param isMember whether this connection is in the room */
export function refusePublish (grants: Grants, room: string, rule: RoomRule, isMember: boolean): Refusal | undefined {
  if (isOwn(room)) return refuseOwn(room)
  if (rule.publish === 'server') return refusal('forbidden', 'room: only the server may publish here')
  if (!grants.in(room, 'publish')) return refuseUngranted()
  if (rule.publish === 'members' && !isMember) return refusal('not_joined')
  return undefined
}

/**
 * Publishing over HTTP, which asks for no membership. Where the rule says `server`, the token must name the room: one
 * without `rooms` may do what rules allow everyone, and this is for none of them.
 */
export function refuseServerPublish (grants: Grants, room: string, rule: RoomRule): Refusal | undefined {
  if (isOwn(room)) return refuseOwn(room)
  const isAllowed = rule.publish === 'server' ? grants.names(room, 'publish') : grants.in(room, 'publish')
  return isAllowed ? undefined : refuseUngranted()
}

function isOwn (room: string): boolean {
  return room === ALL || room === POSITION
}

function refuseOwn (room: string): Refusal {
  return refusal('forbidden', room === ALL ? 'room: $all is for broadcasts' : 'room: position changes by move')
}

function refuseUngranted (): Refusal {
  return refusal('forbidden', 'room: the token does not allow to publish here')
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
