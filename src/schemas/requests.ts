import Type, { type TObject, type TProperties, type TSchema } from 'typebox'
import { DEFAULT_HISTORY_LIMIT, MAX_HISTORY_LIMIT } from '../protocol/codec.ts'
import type { Request } from '../protocol/messages.ts'
import { Content, count, CursorText, Delta, Flag, JoinableRoom, Key, optional, RequestId } from './fields.ts'

function request<Properties extends TProperties> (type: Request['type'], properties: Properties, more = {}): TObject {
  return Type.Object({ type: Type.Literal(type), id: optional(RequestId), ...properties }, more)
}

// With `echo: false` the ack stands in for the frame, so there must be one.
const ECHO_FALSE_ASKS_FOR_AN_ID = {
  if: { properties: { echo: { const: false } }, required: ['echo'] },
  then: { properties: { id: { type: ['integer', 'string'] } }, required: ['id'] }
}

/**
 * What a client may send on the socket: one object a frame, unknown fields ignored. protocol/codec.ts reads it by hand,
 * for speed; test/unit/schemas/requests.test.ts holds that both take and refuse the same.
 */
export const REQUESTS: Readonly<Record<Request['type'], TSchema>> = {
  join: request('join', {
    room: JoinableRoom, since: optional(CursorText), history: optional(count(0))
  }),
  leave: request('leave', { room: JoinableRoom }),
  message: request('message', {
    room: JoinableRoom, content: Content, key: optional(Key), ephemeral: optional(Flag), echo: optional(Flag)
  }, ECHO_FALSE_ASKS_FOR_AN_ID),
  broadcast: request('broadcast', { content: Content, key: optional(Key) }),
  move: request('move', { delta: Delta, key: optional(Key) }),
  members: request('members', { room: JoinableRoom }),
  history: request('history', {
    room: JoinableRoom,
    before: optional(count(1)),
    limit: optional({ ...count(1, MAX_HISTORY_LIMIT), default: DEFAULT_HISTORY_LIMIT })
  }),
  auth: request('auth', { token: Type.String({ description: 'a string' }) }),
  ping: request('ping', {})
}
