import { type Refusal, refusal } from '../protocol/codes.ts'
import { ALL, POSITION } from '../protocol/rooms.ts'
import type { RoomRule } from './services.ts'

/** May this connection publish to the room? Undefined for yes. */
export function refusePublish (room: string, rule: RoomRule, isMember: boolean): Refusal | undefined {
  if (room === ALL) return refusal('forbidden', 'room: $all is for broadcasts')
  if (room === POSITION) return refusal('forbidden', 'room: position changes by move')
  if (rule.publish === 'server') return refusal('forbidden', 'room: only the server may publish here')
  if (rule.publish === 'members' && !isMember) return refusal('not_joined')
  return undefined
}

/** May this connection leave the room? Undefined for yes. */
export function refuseLeave (room: string): Refusal | undefined {
  return room === ALL ? refusal('forbidden', 'room: every connection is in $all') : undefined
}
