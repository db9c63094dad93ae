import type { SignalOutcome } from '../broker/broker.ts'
import { historyFrame, membersFrame, newestWithin, sentEntry } from '../hub/frame.ts'
import type { Member } from '../hub/member.ts'
import { newEntryId } from '../log/ids.ts'
import type { Receipt } from '../log/log.ts'
import { BrokerError, type Refusal, refusal } from '../protocol/codes.ts'
import { formatCursor } from '../protocol/cursor.ts'
import type { Draft, IdempotencyKey, Signal } from '../protocol/entry.ts'
import type { Request, RequestId, RequestOf } from '../protocol/messages.ts'
import { ALL, POSITION } from '../protocol/rooms.ts'
import { judgeFor, refuseFor } from './asked-hooks.ts'
import { authenticate } from './authenticate.ts'
import type { PublishOutcome } from './counts.ts'
import type { HookCalls } from './hook-calls.ts'
import type { Action } from './hooks.ts'
import { join } from './join.ts'
import { isRefused, type Judged } from './judgement.ts'
import { refuseBroadcast, refuseJoin, refuseLeave, refuseMembers, refuseMove, refusePublish } from './permissions.ts'
import type { Session } from './session.ts'

const MAX_HISTORY_BYTES = 262_144

/** What became of a publish that Redis has answered, or that did not get so far. */
type Answer = Extract<PublishOutcome, 'ack' | 'refused'>

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
      const sending = hooks === undefined ? send(session, request) : sendJudged(session, request, hooks)
      return timed(session, cameMs, sending)
    }
    case 'broadcast': {
      const sending = hooks === undefined ? broadcast(session, request) : broadcastJudged(session, request, hooks)
      return timed(session, cameMs, sending)
    }
    case 'move': return timed(session, cameMs, move(session, request))
    case 'history': return history(session, request)
    case 'members': return members(session, request)
    case 'auth': return authenticate(session, request)
    case 'ping': return session.reply({ type: 'pong', id: request.id, timestamp: new Date().toISOString() })
  }
}

/** Counts how a publish ends, and how long after its frame came. */
async function timed (session: Session, cameMs: number, publishing: Promise<Answer>): Promise<void> {
  const { counts, now } = session.services
  const count = (outcome: PublishOutcome): void => counts.publishes[outcome].observe(now() - cameMs)
  try {
    count(await publishing)
  } catch (error) {
    if (error instanceof BrokerError) count(error.reason)
    throw error
  }
}

function refuse (session: Session, refused: Refusal, id: RequestId | undefined, room?: string): 'refused' {
  session.refuse(refused, id, room)
  return 'refused'
}

function leave (session: Session, { id, room }: RequestOf<'leave'>): void {
  const refused = refuseLeave(room)
  if (refused !== undefined) return session.refuse(refused, id, room)
  session.depart(room)
  session.reply({ type: 'left', id, room })
}

/** With what hooks put in the place of what was sent. */
type Message = RequestOf<'message'> & Partial<Judged>
type Broadcast = RequestOf<'broadcast'> & Partial<Judged>

/** Rejects with BrokerError, as all below. */
function send (session: Session, request: Message): Promise<Answer> {
  return (isStored(session, request) ? publish : signal)(session, request)
}

/** What grants and rules forbid is not worth a hook's time; and they are asked again after it. */
async function sendJudged (session: Session, request: RequestOf<'message'>, hooks: HookCalls): Promise<Answer> {
  const { id, room } = request
  const refused = refuseMessage(session, room)
  if (refused !== undefined) return refuse(session, refused, id, room)
  const judged = await judgeFor(session, hooks, request)
  if (session.isClosed) return 'refused'
  if (isRefused(judged)) return refuse(session, judged, id, room)
  return await send(session, { ...request, ...judged })
}

async function broadcastJudged (session: Session, request: RequestOf<'broadcast'>, hooks: HookCalls): Promise<Answer> {
  const { id, content, key } = request
  const refused = refuseBroadcast(session.credentials.grants)
  if (refused !== undefined) return refuse(session, refused, id)
  const judged = await judgeFor(session, hooks, { room: ALL, content, key })
  if (session.isClosed) return 'refused'
  if (isRefused(judged)) return refuse(session, judged, id)
  return await broadcast(session, { ...request, ...judged })
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

function isStored (session: Session, request: RequestOf<'message'>): boolean {
  return !request.ephemeral && session.services.rules.of(request.room).kind !== 'live'
}

/** To the room's log, which numbers and publishes it in one step. */
async function publish (session: Session, request: Message): Promise<Answer> {
  const { id, room } = request
  const refused = refuseMessage(session, room)
  if (refused !== undefined) return refuse(session, refused, id, room)

  const member = session.members.get(room)
  return request.echo || member === undefined
    ? acknowledge(session, request, await append(session, room, draftOf(session, request)))
    : await publishWithoutEcho(session, request, member)
}

/** The hub hears it again from Redis, where this replica follows the room, and tells how long that took. */
async function append (session: Session, room: string, draft: Draft): Promise<Receipt | 'key_reused'> {
  const { hub, log } = session.services
  if (hub.get(room) === undefined) return await log.append(room, draft)
  const { id = newEntryId() } = draft
  const { turnaround } = hub.counts
  turnaround.begin(id)
  try {
    const receipt = await log.append(room, { ...draft, id })
    if (receipt === 'key_reused' || receipt.duplicate) turnaround.forget(id)
    return receipt
  } catch (error) {
    // What may have been stored may be heard later.
    if (!(error instanceof BrokerError && error.reason === 'unknown_outcome')) turnaround.forget(id)
    throw error
  }
}

/**
 * The ack stands in the frame's place, in the room's order: it leaves as the entry passes by this member, whose
 * live copy may come before Redis's answer, or after it.
 */
async function publishWithoutEcho (
  session: Session, request: Message, member: Member
): Promise<Answer> {
  const entryId = newEntryId()
  session.withhold(entryId, (cursor) => acknowledge(session, request, { cursor, duplicate: false }))
  try {
    const receipt = await append(session, request.room, { ...draftOf(session, request), id: entryId })
    if (receipt !== 'key_reused' && !receipt.duplicate) {
      member.whenReached(receipt.cursor, () => session.passWithheld(receipt.cursor))
    } else if (session.forgetWithheld(entryId)) return acknowledge(session, request, receipt)
  } catch (error) {
    // Where the entry has passed by, it is stored whatever became of Redis's answer, and the ack has left.
    if (session.forgetWithheld(entryId)) throw error
  }
  return 'ack'
}

/** The one reply to a publish, an ack or a refusal; without an id only the refusal. */
function acknowledge (
  session: Session, { id, room }: { id: RequestId | undefined, room?: string }, receipt: Receipt | 'key_reused'
): Answer {
  if (receipt === 'key_reused') return refuse(session, refusal('key_reused'), id, room)
  if (id === undefined) return 'ack'
  const { cursor, duplicate } = receipt
  session.reply({
    type: 'ack', id, room, seq: cursor.seq, cursor: formatCursor(cursor), duplicate: duplicate || undefined
  })
  return 'ack'
}

/** To whoever listens now: rooms of kind `live`, and ephemerals. */
async function signal (session: Session, request: Message): Promise<Answer> {
  const { id, room } = request
  const { broker } = session.services
  const refused = refuseMessage(session, room)
  if (refused !== undefined) return refuse(session, refused, id, room)
  const { key, ...draft } = draftOf(session, request)
  const ack = (): void => {
    if (id !== undefined) session.reply({ type: 'ack', id, room })
  }
  // With `echo: false` the ack stands in the frame's place, which may come before the broker's answer or after it.
  const member = request.echo ? undefined : session.members.get(room)
  member?.whenEchoed(ack)
  let outcome: SignalOutcome
  try {
    outcome = await broker.publish(room, { ...draft, timestampMs: Date.now() }, key)
  } catch (error) {
    // Where it was heard it was published, whatever became of the broker's answer, and the ack has left.
    if (member?.forgetEcho(ack) !== false) throw error
    return 'ack'
  }
  if (outcome === 'published') {
    if (member === undefined) ack()
  } else if (member?.forgetEcho(ack) !== false) {
    if (outcome === 'key_reused') return refuse(session, refusal('key_reused'), id, room)
    if (id !== undefined) session.reply({ type: 'ack', id, room, duplicate: true })
  }
  return 'ack'
}

function draftOf (session: Session, request: Message): Draft & Pick<Signal, 'except'> {
  return {
    from: request.from ?? session.from,
    content: request.content,
    sent: request.sent,
    except: request.echo ? undefined : session.identity.connection,
    key: keyOf(session, request.key)
  }
}

function keyOf (session: Session, key: string | undefined): IdempotencyKey | undefined {
  return key === undefined ? undefined : { scope: session.identity.keyScope, key }
}

async function broadcast (session: Session, request: Broadcast): Promise<Answer> {
  const { id, content, from = session.from, sent } = request
  const refused = refuseBroadcast(session.credentials.grants)
  if (refused !== undefined) return refuse(session, refused, id)
  return acknowledge(session, { id }, await append(session, ALL, {
    from, content, sent, key: keyOf(session, request.key)
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
  const { rules, log, hooks } = session.services
  const refused = refuseJoin(session.credentials.grants, room)
  if (refused !== undefined) return session.refuse(refused, id, room)
  if (hooks !== undefined && await isForbidden(session, id, 'history', room)) return
  if (rules.of(room).kind === 'live') {
    session.queue.push(historyFrame(id, room, [], false))
    return
  }
  const page = await log.before(room, before, limit, MAX_HISTORY_BYTES)
  const all = page.entries.map((entry) => sentEntry(room, entry))
  const messages = newestWithin(all, MAX_HISTORY_BYTES)
  session.queue.push(historyFrame(id, room, messages, page.more || messages.length < all.length))
}

async function members (session: Session, { id, room }: RequestOf<'members'>): Promise<void> {
  const { rules, presence, hooks } = session.services
  const refused = refuseMembers(session.credentials.grants, room, rules.of(room))
  if (refused !== undefined) return session.refuse(refused, id, room)
  if (hooks !== undefined && await isForbidden(session, id, 'members', room)) return
  const { count, list } = await presence.members(room)
  session.queue.push(membersFrame(id, room, count, list))
}
