import type { FastifyReply } from 'fastify'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Authenticator } from '../auth/auth.ts'
import { listed } from '../hub/frame.ts'
import { DEFAULT_HISTORY_LIMIT } from '../protocol/codec.ts'
import { type Refusal, refusal } from '../protocol/codes.ts'
import { formatCursor, parseCursor } from '../protocol/cursor.ts'
import { isJoinable, NAME_RULE } from '../protocol/rooms.ts'
import {
  answers, KeyHeader, MessagesAnswer, MessagesQuery, OfJoinableRoom, PublishBody, PublishedAnswer
} from '../schemas/http.ts'
import { type HistoryPage, readBefore, type Reading, readSince } from '../session/history.ts'
import { refuseJoin, refuseServerPublish } from '../session/permissions.ts'
import { guard, roomOf } from './access.ts'
import { sendRefusal } from './errors.ts'
import { type Publishing, publishBody } from './publishing.ts'

interface MessagesOptions {
  readonly auth: Authenticator | undefined
  readonly services: Publishing & Reading
}

const PUBLISH = {
  tags: ['rooms'],
  summary: 'Publishes a message in a room',
  description: 'It need not be joined. In a `live` room, and with `ephemeral`, the answer has neither `seq` nor `cursor`.',
  params: OfJoinableRoom,
  headers: KeyHeader,
  body: PublishBody,
  response: answers(PublishedAnswer, 'bad_json', 'bad_message', 'bad_room', 'unauthenticated', 'token_expired', 'forbidden',
    'key_reused', 'too_large', 'rate_limited', 'unavailable', 'unknown_outcome')
}

const READ = {
  tags: ['rooms'],
  summary: "A page of a room's messages, oldest first",
  description: 'The newest ones, or those `before` a number, or what follows a cursor (`since`). `more`: there are others ' +
    'in that direction. `gap`: what follows the cursor cannot be told; the newest messages stand in its place.',
  params: OfJoinableRoom,
  querystring: MessagesQuery,
  response: answers(MessagesAnswer, 'bad_message', 'bad_room', 'bad_cursor', 'unauthenticated', 'token_expired', 'forbidden',
    'rate_limited', 'unavailable')
}

/** `POST /rooms/:room/messages` publishes without a connection, `GET` pages through what a room has kept. */
export const messageRoutes: FastifyPluginAsyncTypebox<MessagesOptions> = async (app, { auth, services }) => {
  const { rules, hooks } = services
  const mayPublish = guard(auth, (grants, request) => {
    const room = roomOf(request)
    return refuseName(room) ?? refuseServerPublish(grants, room, rules.of(room))
  })
  app.post('/rooms/:room/messages', { schema: PUBLISH, ...mayPublish }, async (request, reply) =>
    await publishBody(services, request.params.room, request, reply))

  const mayRead = guard(auth, (grants, request) => {
    const room = roomOf(request)
    return refuseName(room) ?? refuseJoin(grants, room)
  }, { hooks, action: 'history', roomOf })
  app.get('/rooms/:room/messages', { schema: READ, ...mayRead }, async ({ params: { room }, query, raw }, reply) => {
    const { before, since, limit = DEFAULT_HISTORY_LIMIT } = query
    const told = { get isClosed () { return raw.socket.destroyed || reply.sent } }
    if (since === undefined) return sendPage(reply, room, await readBefore(services, told, room, before, limit))
    if (before !== undefined) return sendRefusal(reply, refusal('bad_message', 'before: not together with since'))
    return sendPage(reply, room, await readSince(services, told, room, parseCursor(since)!, limit))
  })
}

function refuseName (room: string): Refusal | undefined {
  return isJoinable(room) ? undefined : refusal('bad_room', `room: this is no name: ${NAME_RULE}`)
}

/** Each message as in its frame. */
function sendPage (reply: FastifyReply, room: string, { messages, more, gap }: HistoryPage): FastifyReply {
  const end = `],"more":${more}${gap === undefined ? '' : `,"gap":${gapText(room, gap)}`}}`
  const parts = [`{"room":"${room}","messages":[`, ...listed(messages), end]
  const bytes = parts.map((part) => typeof part === 'string' ? Buffer.from(part) : part)
  return reply.type('application/json; charset=utf-8').send(Buffer.concat(bytes))
}

function gapText (room: string, { reason, cursor }: NonNullable<HistoryPage['gap']>): string {
  return JSON.stringify({ type: 'gap', room, reason, cursor: formatCursor(cursor), seq: cursor.seq })
}
