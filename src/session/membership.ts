import { Member } from '../hub/member.ts'
import type { Room } from '../hub/room.ts'
import type { Attendee } from '../presence/local.ts'
import type { Cursor } from '../protocol/cursor.ts'
import { ALL } from '../protocol/rooms.ts'
import type { Session } from './session.ts'

/**
 * The connection becomes a member of a room, and whoever is told of that is; the caller adds it to the room when it has
 * said so to the client.
 */
export function enter (session: Session, name: string, room: Room, last: Cursor | undefined): Member {
  const member = new Member(session, room, last)
  session.members.set(name, member)
  if (name !== ALL) {
    const { presence, hooks } = session.services
    presence.enter(name, attendeeIn(session, name))
    hooks?.tell('onJoin', { user: session.user, connection: session.connection, room: name })
  }
  return member
}

/**
 * The connection is no member of the room any more; nothing where it was none.
 * @param isDropped it broke, and its user may come back
 */
export function depart (session: Session, name: string, isDropped = false): void {
  const member = session.members.get(name)
  if (member === undefined) return
  session.members.delete(name)
  member.room.remove(member)
  member.leave()
  if (name === ALL) return
  const { presence, interest, hooks } = session.services
  presence.leave(name, attendeeIn(session, name).user, isDropped)
  interest.release(name)
  hooks?.tell('onLeave', { user: session.user, connection: session.connection, room: name, isDropped })
}

/** Where a room's rule tells nobody who is there, it counts without a name. */
function attendeeIn ({ services, identity, credentials }: Session, room: string): Attendee {
  const isTold = services.rules.of(room).presence
  return isTold ? { user: identity.user, info: credentials.info } : { user: undefined }
}
