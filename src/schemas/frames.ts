import Type, { type TObject, type TProperties, type TSchema } from 'typebox'
import { ERRORS, type Reason } from '../protocol/codes.ts'
import type { GapReason } from '../protocol/entry.ts'
import { POSITION } from '../protocol/rooms.ts'
import { count, CursorText, JoinableRoom, RequestId, RoomName, Seq, Text, Timestamp, User } from './fields.ts'

/** An object with just these members: what the gateway sends is known to the last field. */
export function exactly<Properties extends TProperties> (properties: Properties): TObject<Properties> {
  return Type.Object(properties, { additionalProperties: false })
}

function frame<Properties extends TProperties> (type: string, properties: Properties): TObject {
  return exactly({ type: Type.Literal(type), ...properties })
}

/** One of these. */
export function words (all: readonly string[]): TSchema {
  return Type.Enum([...all])
}

const GAP_REASONS = ['epoch', 'fork', 'ahead', 'trimmed', 'limit', 'slow'] as const satisfies readonly GapReason[]
const REASONS = Object.keys(ERRORS) as Reason[]
const id = Type.Optional(RequestId)
const place = { seq: Seq, cursor: CursorText }
const maybePlace = { seq: Type.Optional(Seq), cursor: Type.Optional(CursorText) }
const Info = Type.Optional(Type.Unknown({ description: 'what the token says of its user' }))

export const Member = exactly({ user: User, connections: count(0), info: Info })
export const Members = Type.Array(Member)

export const Message = frame('message', {
  room: RoomName, ...maybePlace, from: User, content: Type.Unknown(), timestamp: Timestamp
})
export const Broadcast = frame('broadcast', { ...place, from: User, content: Type.Unknown(), timestamp: Timestamp })
export const Moved = frame('position', {
  room: Type.Literal(POSITION), ...place, position: Type.Integer(), timestamp: Timestamp
})
export const Messages = Type.Array(Type.Union([Message, Broadcast, Moved]))

export const Gap = frame('gap', {
  room: JoinableRoom, reason: words(GAP_REASONS), ...maybePlace, missed: Type.Optional(count(1))
})

const System = Type.Union([
  frame('system', { event: words(['join', 'leave']), room: RoomName, user: User, info: Info, count: count(0), timestamp: Timestamp }),
  frame('system', {
    event: Type.Literal('members'),
    room: RoomName,
    joined: Type.Array(Type.Union([User, exactly({ user: User, info: Type.Unknown() })])),
    left: Type.Array(User),
    count: count(0),
    timestamp: Timestamp
  })
])

/** What the gateway sends on the socket, by name; docs/protocol.md says when. test/gateway/frames.test.ts holds it. */
export const FRAMES: Readonly<Record<string, TSchema>> = {
  welcome: frame('welcome', {
    protocol: Type.Literal(1),
    connection: Text,
    user: User,
    replica: Text,
    pingIntervalMs: count(0),
    maxMessageBytes: count(0),
    expires: Type.Optional(Timestamp),
    broadcastCursor: CursorText
  }),
  joined: frame('joined', {
    id,
    room: JoinableRoom,
    ...maybePlace,
    recovered: Type.Optional(Type.Boolean()),
    replay: Type.Optional(count(0))
  }),
  left: frame('left', { id, room: JoinableRoom, reason: Type.Optional(Type.Literal('forbidden')) }),
  message: Message,
  broadcast: Broadcast,
  position: Moved,
  system: System,
  ack: frame('ack', {
    id: RequestId,
    room: Type.Optional(JoinableRoom),
    ...maybePlace,
    position: Type.Optional(Type.Integer()),
    duplicate: Type.Optional(Type.Literal(true))
  }),
  members: frame('members', { id, room: JoinableRoom, count: count(0), members: Members }),
  history: frame('history', { id, room: JoinableRoom, messages: Messages, more: Type.Boolean() }),
  authenticated: frame('authenticated', { id, user: User, expires: Timestamp }),
  pong: frame('pong', { id, timestamp: Timestamp }),
  gap: Gap,
  error: frame('error', {
    id,
    room: Type.Optional(JoinableRoom),
    code: count(400, 599),
    reason: words(REASONS),
    message: Text,
    retryable: Type.Boolean(),
    retryAfterMs: Type.Optional(Type.Number({ minimum: 0 }))
  }),
  goodbye: frame('goodbye', { reason: Type.Literal('draining'), reconnect: Type.Boolean(), afterMs: count(0) })
}
