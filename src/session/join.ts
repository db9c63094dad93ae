import { type Sent, sentEntry } from '../hub/frame.ts'
import type { Member } from '../hub/member.ts'
import type { Room } from '../hub/room.ts'
import { BrokerError, refusal } from '../protocol/codes.ts'
import { type Cursor, formatCursor } from '../protocol/cursor.ts'
import type { RequestOf } from '../protocol/messages.ts'
import { ALL, POSITION } from '../protocol/rooms.ts'
import { MAX_REPLAY_ENTRIES, type Past, readMissed, readPast } from './past.ts'
import { stillEntry } from '../position/still.ts'
import { refuseFor } from './asked-hooks.ts'
import { enter } from './membership.ts'
import { refuseJoin } from './permissions.ts'
import type { Session } from './session.ts'

type Join = RequestOf<'join'>

/**
 * `joined` first, then what was asked for of the past, then live, with no hole and no duplicate between: the
 * subscription is confirmed before the log is read, and what came meanwhile is in the room's ring.
 */
export async function join (session: Session, request: Join): Promise<void> {
  const { id, room: name } = request
  const { interest, hub, rules, limits, isShort, hooks } = session.services
  const refused = refuseJoin(session.credentials.grants, name)
  if (refused !== undefined) return session.refuse(refused, id, name)
  if (hooks !== undefined && name !== ALL && session.identity.isAuthorized !== true) {
    const forbidden = await refuseFor(session, 'join', name)
    if (session.isClosed) return
    if (forbidden !== undefined) return session.refuse(forbidden, id, name)
  }
  const member = session.members.get(name)
  if (member !== undefined) return await rejoin(session, request, member)
  // `$all` is no room that counts.
  const rooms = session.members.size - 1 + session.joining
  if (rooms >= limits.maxRoomsPerConnection) return session.refuse(refusal('too_many_rooms'), id, name)

  if (hub.get(name) === undefined && isShort()) {
    return session.refuse(refusal('unavailable', 'this replica is short of memory'), id, name)
  }
  // Rooms that were left are followed for a while: they take nobody's place.
  if (hub.get(name) === undefined && hub.size >= limits.maxRooms && !interest.makeRoom()) {
    return session.refuse(refusal('too_many_rooms', 'this replica follows as many rooms as it may'), id, name)
  }

  session.joining++
  let isFollowed = false
  let isMember = false
  try {
    await interest.acquire(name)
    isFollowed = true
    isMember = await becomeMember(session, request, hub.get(name)!, rules.of(name).kind === 'live')
  } finally {
    if (!isMember) {
      session.joining--
      if (isFollowed) interest.release(name)
    }
  }
  if (!isMember) refuseLate(session, request)
}

/** False where the connection has ended meanwhile, or has got a token that does not allow this room. */
async function becomeMember (session: Session, request: Join, room: Room, isLive: boolean): Promise<boolean> {
  const past = isLive ? undefined : await recall(session, request, room)
  // What is replayed may be a megabyte, and other joins may have been answered meanwhile.
  await mayTell(session, past?.replay)
  if (session.isClosed || refuseJoin(session.credentials.grants, request.room) !== undefined) return false
  if (past === undefined) joinedLive(session, request)
  else replay(session, request, past)
  const member = enter(session, request.room, room, past?.top)
  session.joining--
  room.add(member)
  if (past !== undefined) member.readOn()
  return true
}

/**
 * Joining twice is no error: it answers again. With a cursor the member is moved there, and gets everything from there
 * again; without one it first gets what it has not got yet.
 */
async function rejoin (session: Session, request: Join, member: Member): Promise<void> {
  const { last, room } = member
  if (last === undefined) return joinedLive(session, request)
  member.hold()
  let place: Cursor | undefined
  try {
    const past = await recall(session, request, room)
    const missed = request.since === undefined ? await readMissed(room, last, past.top) : undefined
    await mayTell(session, missed === undefined ? past.replay : [...missed.replay, ...past.replay])
    if (session.isClosed) return
    // A token took the right away meanwhile, and perhaps another gave it back.
    if (session.members.get(room.name) !== member) return await join(session, request)
    if (room.name === ALL) session.cursorCame()
    if (missed !== undefined) member.advance(missed)
    replay(session, request, past)
    place = past.top
  } finally {
    // Where it failed, the client asks again; broadcasts go on waiting for that, as long as they would have.
    member.release(place)
  }
}

/** Resolves when so much of the past may be told: to this client, and at all. */
async function mayTell (session: Session, replay: readonly Sent[] = []): Promise<void> {
  const bytes = replay.reduce((sum, { frame }) => sum + frame.length, 0)
  if (bytes > 0) await session.services.pastPace.take(bytes, session)
  await session.writable()
}

/** The right to be in the room was lost while it was being joined; nothing where the connection has ended. */
function refuseLate (session: Session, { id, room }: Join): void {
  const refused = refuseJoin(session.credentials.grants, room)
  if (refused !== undefined && !session.isClosed) session.refuse(refused, id, room)
}

/** A `live` room has no log that would tell that Redis is away: a member of it would hear nothing, and not know. */
function joinedLive (session: Session, { id, room }: Join): void {
  if (!session.services.broker.isUp) throw new BrokerError('unavailable')
  session.reply({ type: 'joined', id, room })
}

/** Where the log stands, with as much of the past as was asked for. */
async function recall (session: Session, { since, history = 0 }: Join, room: Room): Promise<Past> {
  const newest = room.kind === 'latest' ? 1 : Math.min(history, MAX_REPLAY_ENTRIES)
  for (;;) {
    const past = await readPast(room, { since, newest })
    const isCarAsked = room.name === POSITION && (since === undefined || past.gap !== undefined)
    if (!isCarAsked || past.top.seq > 0) return past
    const { log, position } = session.services
    const still = await stillEntry(position, log, past.top)
    // Otherwise the car has just moved for the first time.
    if (still !== undefined) return { ...past, replay: [sentEntry(POSITION, still)] }
  }
}

/** `joined`, the `gap` where continuity could not be had, and the messages. */
function replay (session: Session, { id, room, since }: Join, past: Past): void {
  const { seq } = past.top
  const cursor = formatCursor(past.top)
  const recovered = since === undefined ? undefined : past.gap === undefined
  session.reply({ type: 'joined', id, room, cursor, seq, recovered, replay: past.replay.length })
  const { counts } = session.services.hub
  if (past.gap !== undefined) {
    session.reply({ type: 'gap', room, reason: past.gap, cursor, seq })
    counts.gaps[past.gap]++
  }
  for (const { frame } of past.replay) session.queue.push(frame)
  counts.deliveries += past.replay.length
}
