import Type, { type TObject, type TSchema } from 'typebox'
import { DEFAULT_HISTORY_LIMIT, MAX_HISTORY_LIMIT } from '../protocol/codec.ts'
import { ERRORS, type Reason } from '../protocol/codes.ts'
import { NAME } from '../protocol/rooms.ts'
import {
  charactersBut, Content, count, CursorText, Delta, Flag, JoinableRoom, Key, optional, RoomName, Seq, Text, Timestamp,
  User
} from './fields.ts'
import { exactly, Gap, Members, Messages, words } from './frames.ts'

export const DEFAULT_ROOMS = 100
export const MAX_ROOMS = 1_000
const MAX_FROM_CHARS = 64
// Of which safeName leaves fewer.
const MAX_NAME_CHARS = 1_000

/** What http/admission.ts asks of `?user=` as well: a name is shown on one line. */
const From = Type.String({
  pattern: charactersBut('\\u0000-\\u001F\\u007F-\\u009F', MAX_FROM_CHARS),
  description: `1 to ${MAX_FROM_CHARS} characters, none of them a control character`,
  examples: ['shop']
})

export const KeyHeader = Type.Object({ 'idempotency-key': Type.Optional(Key) })
export const OfRoom = Type.Object({ room: RoomName })
export const OfJoinableRoom = Type.Object({ room: JoinableRoom })
// Nobody is called that: a script whose variable is empty would be told that it was done.
export const OfUser = Type.Object({ user: Type.String({ minLength: 1, description: "a user's name" }) })

export const OfFile = Type.Object({
  id: Type.String({ description: "a file's id" }), name: Type.String({ description: "the file's name" })
})

/** A body that is no JSON. */
export const binary = { type: 'string', format: 'binary' } as const
export const UploadQuery = Type.Object({
  name: Type.Optional(Type.String({ maxLength: MAX_NAME_CHARS, description: `at most ${MAX_NAME_CHARS} characters` })),
  from: Type.Optional(From)
})
export const FileQuery = Type.Object({
  token: Type.Optional(Type.String({ description: 'a token, once' })),
  expires: Type.Optional(count(0)),
  signature: Type.Optional(Type.String({ description: 'as a link has it' }))
})

export const PublishBody = Type.Object({
  content: Content, key: optional(Key), ephemeral: optional(Flag), from: optional(From)
})
export const BroadcastBody = Type.Object({ content: Content, key: optional(Key), from: optional(From) })
export const MoveBody = Type.Object({ delta: Delta, key: optional(Key) })

export const MessagesQuery = Type.Object({
  before: Type.Optional(count(1)),
  since: Type.Optional(CursorText),
  limit: Type.Optional({ ...count(1, MAX_HISTORY_LIMIT), default: DEFAULT_HISTORY_LIMIT })
})
export const RoomsQuery = Type.Object({
  // Empty is before the first.
  after: Type.Optional(Type.String({ pattern: `^$|${NAME.source}`, description: "one room's name" })),
  limit: Type.Optional({ ...count(1, MAX_ROOMS), default: DEFAULT_ROOMS })
})

export const EventsQuery = Type.Object({
  room: Type.Array(JoinableRoom, { minItems: 1, maxItems: 16, description: 'may repeat' }),
  history: Type.Optional(count(0)),
  token: Type.Optional(Text),
  user: Type.Optional(From),
  lastEventId: Type.Optional(Text)
})

const PUBLISHED = {
  seq: Type.Optional(Seq), cursor: Type.Optional(CursorText), duplicate: Type.Optional(Type.Literal(true))
}
export const PublishedAnswer = exactly(PUBLISHED)
/** A file that was shared, as the message about it has it. */
const SharedFile = exactly({
  type: Type.Literal('file'),
  id: Text,
  name: Text,
  mediaType: Text,
  bytes: count(1),
  url: Text,
  width: Type.Optional(count(1)),
  height: Type.Optional(count(1))
})
export const FileAnswer = exactly({ ...PUBLISHED, file: SharedFile })
export const LinkAnswer = exactly({ room: RoomName, query: Text, expires: Type.Optional(Timestamp) })
export const MessagesAnswer = exactly({
  room: JoinableRoom, messages: Messages, more: Type.Boolean(), gap: Type.Optional(Gap)
})
export const MembersAnswer = exactly({ room: RoomName, count: count(0), members: Members })
export const RoomsAnswer = exactly({
  rooms: Type.Array(exactly({ room: RoomName, members: count(0) })), more: Type.Boolean()
})
export const ReplicasAnswer = exactly({
  replicas: Type.Array(exactly({ replica: Text, connections: count(0), rooms: count(0), deliveries: count(0) }))
})
export const PositionAnswer = exactly({ position: Type.Integer() })
export const UserAnswer = exactly({ user: User })
export const StatusAnswer = exactly({ status: Text })
export const TextAnswer = Text
export const JsonAnswer = Type.Object({})

/** The answers of a route: the one of success, and errors. */
export function answers (
  success: TSchema | Readonly<Record<string, unknown>>, ...reasons: readonly Reason[]
): Record<string, unknown> {
  return { 200: { description: 'success', ...success }, ...errorAnswers(...reasons) }
}

/** Errors in the one form they have, by code. */
export function errorAnswers (...reasons: readonly Reason[]): Record<string, TSchema> {
  const byCode = new Map<number, Reason[]>()
  for (const reason of reasons) {
    const { code } = ERRORS[reason]
    byCode.set(code, [...byCode.get(code) ?? [], reason])
  }
  return Object.fromEntries([...byCode].map(([code, each]) => [code, errorAnswer(code, each)]))
}

function errorAnswer (code: number, reasons: readonly Reason[]): TObject {
  return Type.Object({
    code: Type.Literal(code), reason: words(reasons), message: Text
  }, { additionalProperties: false, description: reasons.map((reason) => `\`${reason}\``).join(', ') })
}
