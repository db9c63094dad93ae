import { newestWithin, sentEntry } from '../hub/frame.ts'
import type { Member } from '../hub/member.ts'
import type { Room } from '../hub/room.ts'
import type { Snapshot } from '../log/log.ts'
import { BrokerError, refusal } from '../protocol/codes.ts'
import { type Cursor, formatCursor } from '../protocol/cursor.ts'
import type { GapReason } from '../protocol/entry.ts'
import type { RequestOf } from '../protocol/messages.ts'
import { POSITION } from '../protocol/rooms.ts'
import type { Session } from './session.ts'

const MAX_REPLAY_ENTRIES = 1_000
const MAX_REPLAY_BYTES = 1_048_576

type Join = RequestOf<'join'>

/**
 * `joined` first, then what was asked for of the past, then live, with no hole and no duplicate between: the
 * subscription is confirmed before the log is read, and what came meanwhile is in the room's ring.
 */
export async function join (session: Session, request: Join): Promise<void> {
  const { id, room: name } = request
  const { interest, hub, rules, limits } = session.services
  const member = session.members.get(name)
  if (member !== undefined) return await rejoin(session, request, member)
  if (session.claims.size >= limits.maxRoomsPerConnection) return session.refuse(refusal('too_many_rooms'), id, name)

  session.claims.add(name)
  try {
    await interest.acquire(name)
  } catch (error) {
    session.claims.delete(name)
    throw error
  }
  const joined = await enter(session, request, hub.get(name)!, rules.of(name).kind === 'live').catch((error: unknown) => {
    session.claims.delete(name)
    interest.release(name)
    throw error
  })
  // The connection ended meanwhile, and with it everything else it held.
  if (!joined) interest.release(name)
}

/** False where the connection has ended meanwhile. */
async function enter (session: Session, request: Join, room: Room, isLive: boolean): Promise<boolean> {
  const snapshot = isLive ? undefined : await readSnapshot(session, request)
  if (session.isClosed) return false
  if (snapshot === undefined) joinedLive(session, request)
  else replay(session, request, snapshot)
  const member = session.enter(request.room, room, snapshot?.top)
  room.add(member)
  if (snapshot !== undefined) member.readOn()
  return true
}

/** Joining twice is no error: it answers again, as soon as this member has got what the log had by then. */
async function rejoin (session: Session, request: Join, member: Member): Promise<void> {
  if (member.last === undefined) return joinedLive(session, request)
  const snapshot = await readSnapshot(session, request)
  member.whenReached(snapshot.top, () => replay(session, request, snapshot))
}

/** A `live` room has no log that would tell that Redis is away: a member of it would hear nothing, and not know. */
function joinedLive (session: Session, { id, room }: Join): void {
  if (!session.services.broker.isUp) throw new BrokerError('unavailable')
  session.reply({ type: 'joined', id, room })
}

/** Where the log stands, with as much of the past as was asked for. */
async function readSnapshot (session: Session, request: Join): Promise<Snapshot> {
  const { log, position, rules } = session.services
  const { room } = request
  const isLatest = rules.of(room).kind === 'latest'
  const newest = isLatest ? 1 : Math.min(request.history ?? 0, MAX_REPLAY_ENTRIES)
  const snapshot = await log.open(room, newest, MAX_REPLAY_BYTES)
  if (room !== POSITION || snapshot.entries.length > 0) return snapshot
  // The car stands somewhere even before its first move.
  const content = Buffer.from(String(await position.get()))
  const { top, timestampMs } = snapshot
  return { ...snapshot, entries: [{ ...top, prev: '', timestampMs, from: '""', content, except: undefined }] }
}

/** `joined`, the `gap` where continuity could not be had, and the messages. */
function replay (session: Session, request: Join, snapshot: Snapshot): void {
  const { id, room, since } = request
  const { top } = snapshot
  const { seq } = top
  const cursor = formatCursor(top)
  const frames = newestWithin(snapshot.entries.map((entry) => sentEntry(room, entry)), MAX_REPLAY_BYTES)
  const recovered = since === undefined ? undefined : false
  session.reply({ type: 'joined', id, room, cursor, seq, recovered, replay: frames.length })
  if (since !== undefined) session.reply({ type: 'gap', room, reason: gapReason(since, top), cursor, seq })
  for (const { frame } of frames) session.queue.push(frame)
}

/** Replays from a cursor come with the recovery of rooms; until then this says what is known of it. */
function gapReason (since: Cursor, top: Cursor): GapReason {
  if (since.epoch !== top.epoch) return 'epoch'
  if (since.seq > top.seq) return 'ahead'
  return since.seq === top.seq && since.id !== top.id ? 'fork' : 'limit'
}
