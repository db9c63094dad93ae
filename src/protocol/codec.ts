import { areBracketsClosed } from './brackets.ts'
import { type Refusal, refusal } from './codes.ts'
import { memberText } from './content-span.ts'
import { parseCursor } from './cursor.ts'
import type { Request, RequestId } from './messages.ts'
import { isJoinable, NAME_RULE } from './rooms.ts'

/** A typed request or a typed refusal: bad input never throws. */
export type Decoded =
  | { readonly ok: true, readonly request: Request }
  | {
    readonly ok: false
    readonly refusal: Refusal
    readonly id?: RequestId | undefined
    readonly room?: string | undefined
  }

// The same bounds are in schemas/, which documents them; test/unit/schemas holds the two together.
export const MAX_ID_CHARS = 64
export const MAX_KEY_CHARS = 64
export const DEFAULT_HISTORY_LIMIT = 50
export const MAX_HISTORY_LIMIT = 200

// From here on it pays to look before JSON.parse does: 64 KB of `[` take it 3 ms, during which everyone waits.
const LONG_CHARS = 4_096

type Fields = ReadonlyMap<string, unknown>

/** A field that is missing or wrong, on its way out of the readers below to decode(), and never further. */
class BadField extends Error {
  readonly refusal: Refusal

  constructor (refusal: Refusal) {
    super(refusal.message)
    this.refusal = refusal
  }
}

/** Decodes one text frame: `unknown` comes in, a typed request goes out, once. */
export function decode (text: string): Decoded {
  if (text.length > LONG_CHARS && !areBracketsClosed(text)) return { ok: false, refusal: refusal('bad_json') }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { ok: false, refusal: refusal('bad_json') }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, refusal: refusal('bad_message', 'a frame holds one JSON object') }
  }
  // A Map of own members: `__proto__` and `constructor` are names like any other.
  const fields: Fields = new Map(Object.entries(value))
  let id: RequestId | undefined
  try {
    id = readId(fields)
    return { ok: true, request: readRequest(fields, id, text) }
  } catch (error) {
    if (!(error instanceof BadField)) throw error
    const room = fields.get('room')
    return {
      ok: false,
      refusal: error.refusal,
      id,
      room: typeof room === 'string' && isJoinable(room) ? room : undefined
    }
  }
}

function readRequest (fields: Fields, id: RequestId | undefined, text: string): Request {
  const type = fields.get('type')
  switch (type) {
    case 'join':
      return { type, id, room: readRoom(fields), since: readSince(fields), history: readCount(fields, 'history', 0) }
    case 'leave':
    case 'members':
      return { type, id, room: readRoom(fields) }
    case 'message':
      return readMessage(fields, id, text)
    case 'broadcast':
      return { type, id, content: readContent(fields, text), key: readKey(fields) }
    case 'move':
      return { type, id, delta: readDelta(fields.get('delta')), key: readKey(fields) }
    case 'history':
      return {
        type,
        id,
        room: readRoom(fields),
        before: readCount(fields, 'before', 1),
        limit: readCount(fields, 'limit', 1, MAX_HISTORY_LIMIT) ?? DEFAULT_HISTORY_LIMIT
      }
    case 'auth':
      return { type, id, token: readToken(fields) }
    case 'ping':
      return { type, id }
    case undefined:
    case null:
      throw bad('type: missing')
    default:
      if (typeof type !== 'string') throw bad('type: must be a string')
      throw new BadField(refusal('unknown_type', `type: the gateway does not know ${quote(type)}`))
  }
}

function readMessage (fields: Fields, id: RequestId | undefined, text: string): Request {
  const room = readRoom(fields)
  const content = readContent(fields, text)
  const echo = readFlag(fields, 'echo') ?? true
  if (!echo && id === undefined) throw bad('id: echo false asks for one, because the ack stands in for the frame')
  return {
    type: 'message',
    id,
    room,
    content,
    key: readKey(fields),
    ephemeral: readFlag(fields, 'ephemeral') ?? false,
    echo
  }
}

function bad (message: string): BadField {
  return new BadField(refusal('bad_message', message))
}

/** A client's word inside our sentence: short, and on one line. */
function quote (text: string): string {
  return JSON.stringify(text.length > 32 ? `${text.slice(0, 32)}…` : text)
}

/** `null` is the same as absent. */
function optional (fields: Fields, name: string): unknown {
  return fields.get(name) ?? undefined
}

function readId (fields: Fields): RequestId | undefined {
  const id = optional(fields, 'id')
  if (id === undefined || Number.isSafeInteger(id)) return id as number | undefined
  if (typeof id === 'string' && isWithin(id, MAX_ID_CHARS)) return id
  throw bad(`id: must be an integer, or a string of at most ${MAX_ID_CHARS} characters`)
}

function readRoom (fields: Fields): string {
  const room = optional(fields, 'room')
  if (room === undefined) throw bad('room: missing')
  if (typeof room !== 'string') throw bad('room: must be a string')
  if (!isJoinable(room)) throw new BadField(refusal('bad_room', `room: ${quote(room)} is no name: ${NAME_RULE}`))
  return room
}

function readSince (fields: Fields): ReturnType<typeof parseCursor> {
  const since = optional(fields, 'since')
  if (since === undefined) return undefined
  const cursor = typeof since === 'string' ? parseCursor(since) : undefined
  if (cursor === undefined) throw new BadField(refusal('bad_cursor'))
  return cursor
}

function readToken (fields: Fields): string {
  const token = optional(fields, 'token')
  if (token === undefined) throw bad('token: missing')
  if (typeof token !== 'string') throw bad('token: must be a string')
  return token
}

/** `content` may be null: it is the one field in which null is a value. */
function readContent (fields: Fields, text: string): string {
  if (!fields.has('content')) throw bad('content: missing')
  return memberText(text, 'content')!
}

function readKey (fields: Fields): string | undefined {
  const key = optional(fields, 'key')
  return key === undefined ? undefined : checkKey(key, 'key')
}

function checkKey (key: unknown, name: string): string {
  if (typeof key === 'string' && isKeyText(key)) return key
  throw bad(`${name}: must be a string of 1 to ${MAX_KEY_CHARS} characters`)
}

/** An idempotency key: 1 to 64 characters, none of them half a surrogate pair (two of those are one to Redis). */
export function isKeyText (key: string): boolean {
  return key.length >= 1 && isWithin(key, MAX_KEY_CHARS) && !/\p{Surrogate}/u.test(key)
}

/** Characters are counted as JSON Schema does: one outside of the BMP is one, though it has two code units. */
function isWithin (text: string, maxChars: number): boolean {
  return text.length <= maxChars || (text.length <= 2 * maxChars && [...text].length <= maxChars)
}

function readFlag (fields: Fields, name: string): boolean | undefined {
  const flag = optional(fields, name)
  if (flag === undefined || typeof flag === 'boolean') return flag
  throw bad(`${name}: must be true or false`)
}

function readCount (fields: Fields, name: string, min: number, max = Number.MAX_SAFE_INTEGER): number | undefined {
  const count = optional(fields, name)
  if (count === undefined) return undefined
  if (Number.isSafeInteger(count) && (count as number) >= min && (count as number) <= max) return count as number
  throw bad(`${name}: must be an integer ${max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `of ${min} to ${max}`}`)
}

function readDelta (delta: unknown): number {
  if (delta === undefined || delta === null) throw bad('delta: missing')
  if (!Number.isSafeInteger(delta)) throw bad('delta: must be an integer of at most ±(2^53 − 1)')
  return (delta as number) + 0 // -0 becomes 0
}
