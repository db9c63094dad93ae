import { historyPieces, membersFrame } from '../hub/frame.ts'
import type { Member } from '../hub/member.ts'
import { newEntryId } from '../log/ids.ts'
import { type Refusal, refusal } from '../protocol/codes.ts'
import { formatCursor } from '../protocol/cursor.ts'
import type { IdempotencyKey } from '../protocol/entry.ts'
import type { Request, RequestId, RequestOf } from '../protocol/messages.ts'
import { ALL, POSITION } from '../protocol/rooms.ts'
import { judgeFor, refuseFor } from './asked-hooks.ts'
import { authenticate } from './authenticate.ts'
import { readBefore } from './history.ts'
import type { HookCalls } from './hook-calls.ts'
import type { Action } from './hooks.ts'
import { join } from './join.ts'
import { isRefused, type Judged } from './judgement.ts'
import { depart } from './membership.ts'
import { refuseBroadcast, refuseJoin, refuseLeave, refuseMembers, refuseMove, refusePublish } from './permissions.ts'
import { type Answer, isStored, type Publication, publish, type Published, timed } from './publish.ts'
import type { Session } from './session.ts'

/**
 * What each request does: the only place where its steps are listed. Rejects with BrokerError.
 * @param cameMs when its frame came
 */
export function execute (session: Session, request: Request, cameMs: number): Promise<void> | void {
  const { hooks } = session.services
  switch (request.type) {
    case 'join': return join(session, request)
    case 'leave': return leave(session, request)
    case 'message': {
      const publishing = hooks === undefined ? message(session, request) : judgedMessage(session, request, hooks)
      return counted(session, cameMs, publishing)
    }
    case 'broadcast': {
      const publishing = hooks === undefined ? broadcast(session, request) : judgedBroadcast(session, request, hooks)
      return counted(session, cameMs, publishing)
    }
    case 'move': return counted(session, cameMs, move(session, request))
    case 'history': return history(session, request)
    case 'members': return members(session, request)
    case 'auth': return authenticate(session, request)
    case 'ping': return session.reply({ type: 'pong', id: request.id, timestamp: new Date().toISOString() })
  }
}

async function counted (session: Session, cameMs: number, publishing: Promise<Answer>): Promise<void> {
  await timed(session.services, cameMs, publishing, (answer) => answer)
}

function refuse (session: Session, refused: Refusal, id: RequestId | undefined, room?: string): 'refused' {
  session.refuse(refused, id, room)
  return 'refused'
}

function leave (session: Session, { id, room }: RequestOf<'leave'>): void {
  const refused = refuseLeave(room)
  if (refused !== undefined) return session.refuse(refused, id, room)
  depart(session, room)
  session.reply({ type: 'left', id, room })
}

/** With what a hook has put in the place of what was sent. */
type Message = RequestOf<'message'> & Partial<Judged>
type Broadcast = RequestOf<'broadcast'> & Partial<Judged>

/** What grants and rules forbid is not worth a hook's time; and they are asked again after it. */
async function judgedMessage (session: Session, request: RequestOf<'message'>, hooks: HookCalls): Promise<Answer> {
  const { id, room } = request
  const refused = refuseMessage(session, room)
  if (refused !== undefined) return refuse(session, refused, id, room)
  const judged = await judgeFor(session, hooks, request)
  if (session.isClosed) return 'refused'
  return isRefused(judged) ? refuse(session, judged, id, room) : await message(session, { ...request, ...judged })
}

async function judgedBroadcast (session: Session, request: RequestOf<'broadcast'>, hooks: HookCalls): Promise<Answer> {
  const { id, content, key } = request
  const refused = refuseBroadcast(session.credentials.grants)
  if (refused !== undefined) return refuse(session, refused, id)
  const judged = await judgeFor(session, hooks, { room: ALL, content, key })
  if (session.isClosed) return 'refused'
  return isRefused(judged) ? refuse(session, judged, id) : await broadcast(session, { ...request, ...judged })
}

/** Asks the operator's own rule, where there is one; true where it is refused, and the client told so, or gone. */
async function isForbidden (
  session: Session, id: RequestId | undefined, action: Action, room: string
): Promise<boolean> {
  const refused = await refuseFor(session, action, room)
  if (refused !== undefined) session.refuse(refused, id, room)
  return refused !== undefined || session.isClosed
}

function refuseMessage (session: Session, room: string): Refusal | undefined {
  return refusePublish(session.credentials.grants, room, session.services.rules.of(room), session.members.has(room))
}

async function message (session: Session, request: Message): Promise<Answer> {
  const { id, room } = request
  const { services } = session
  const member = session.members.get(room)
  const refused = refuseMessage(session, room)
  if (refused !== undefined) return refuse(session, refused, id, room)
  const publication = publicationOf(session, request)
  if (request.echo || member === undefined) return acknowledge(session, request, await publish(services, publication))
  const publishSilently = isStored(services, publication) ? storeWithoutEcho : signalWithoutEcho
  return await publishSilently(session, request, member, publication)
}

/**
 * The ack stands in the frame's place, in the room's order: it leaves as the entry passes by this member, whose
 * live copy may come before Redis's answer, or after it.
 */
async function storeWithoutEcho (
  session: Session, request: Message, member: Member, publication: Publication
): Promise<Answer> {
  const entryId = newEntryId()
  const { withheld } = member
  withheld.entry(entryId, (cursor) => acknowledge(session, request, { cursor, duplicate: false }))
  try {
    const published = await publish(session.services, { ...publication, id: entryId })
    if (published !== 'key_reused' && !published.duplicate) member.stored(published.cursor!)
    else if (withheld.forgetEntry(entryId)) return acknowledge(session, request, published)
  } catch (error) {
    // Where the entry has passed by, it is stored whatever became of Redis's answer, and the ack has left.
    if (withheld.forgetEntry(entryId)) throw error
  }
  return 'ack'
}

/** The ack stands in the frame's place, which may come before the broker's answer or after it. */
async function signalWithoutEcho (
  session: Session, request: Message, member: Member, publication: Publication
): Promise<Answer> {
  const ack = (): void => { acknowledge(session, request, { duplicate: false }) }
  const { withheld } = member
  withheld.signal(ack)
  try {
    const published = await publish(session.services, publication)
    if (published !== 'key_reused' && !published.duplicate) return 'ack'
    return withheld.forgetSignal(ack) ? acknowledge(session, request, published) : 'ack'
  } catch (error) {
    // Where it was heard it was published, whatever became of the broker's answer, and the ack has left.
    if (withheld.forgetSignal(ack)) throw error
    return 'ack'
  }
}

/** The one reply to a publish, an ack or a refusal; without an id only the refusal. */
function acknowledge (
  session: Session, { id, room }: { id: RequestId | undefined, room?: string }, published: Published | 'key_reused'
): Answer {
  if (published === 'key_reused') return refuse(session, refusal('key_reused'), id, room)
  if (id === undefined) return 'ack'
  const { cursor, duplicate } = published
  const place = cursor === undefined ? {} : { seq: cursor.seq, cursor: formatCursor(cursor) }
  session.reply({ type: 'ack', id, room, ...place, duplicate: duplicate || undefined })
  return 'ack'
}

function publicationOf (
  session: Session, { room, content, ephemeral, echo, key, from = session.from, sent }: Message
): Publication {
  return {
    room,
    ephemeral,
    from,
    content,
    sent,
    except: echo ? undefined : session.identity.connection,
    key: keyOf(session, key)
  }
}

function keyOf (session: Session, key: string | undefined): IdempotencyKey | undefined {
  return key === undefined ? undefined : { scope: session.identity.keyScope, key }
}

async function broadcast (session: Session, request: Broadcast): Promise<Answer> {
  const { id, content, key, from = session.from, sent } = request
  const refused = refuseBroadcast(session.credentials.grants)
  if (refused !== undefined) return refuse(session, refused, id)
  return acknowledge(session, { id }, await publish(session.services, {
    room: ALL, from, content, sent, key: keyOf(session, key)
  }))
}

async function move (session: Session, request: RequestOf<'move'>): Promise<Answer> {
  const { id, delta } = request
  const refused = refuseMove(session.credentials.grants)
  if (refused !== undefined) return refuse(session, refused, id, POSITION)
  if (session.services.hooks !== undefined && await isForbidden(session, id, 'move', POSITION)) return 'refused'
  const moved = await session.services.position.move(delta, keyOf(session, request.key))
  if (typeof moved === 'string') return refuse(session, refusal(moved), id, POSITION)
  if (id === undefined) return 'ack'
  const { position, cursor, duplicate } = moved
  session.reply({
    type: 'ack',
    id,
    room: POSITION,
    seq: cursor.seq,
    cursor: formatCursor(cursor),
    position,
    duplicate: duplicate || undefined
  })
  return 'ack'
}

async function history (session: Session, request: RequestOf<'history'>): Promise<void> {
  const { id, room, before, limit } = request
  const refused = refuseJoin(session.credentials.grants, room)
  if (refused !== undefined) return session.refuse(refused, id, room)
  if (session.services.hooks !== undefined && await isForbidden(session, id, 'history', room)) return
  const { messages, more } = await readBefore(session.services, session, room, before, limit)
  session.queue.pushPieces(historyPieces(id, room, messages, more))
}

async function members (session: Session, { id, room }: RequestOf<'members'>): Promise<void> {
  const { rules, presence, hooks } = session.services
  const refused = refuseMembers(session.credentials.grants, room, rules.of(room))
  if (refused !== undefined) return session.refuse(refused, id, room)
  if (hooks !== undefined && await isForbidden(session, id, 'members', room)) return
  const { count, list } = await presence.members(room)
  session.queue.push(membersFrame(id, room, count, list))
}
