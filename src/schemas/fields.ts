import Type, { type TOptional, type TSchema, type TSchemaOptions, type TUnion } from 'typebox'
import { MAX_ID_CHARS, MAX_KEY_CHARS } from '../protocol/codec.ts'
import type { Reason } from '../protocol/codes.ts'
import { ALL, NAME, NAME_RULE } from '../protocol/rooms.ts'

/**
 * The fields that requests are made of, on the socket and over HTTP. What a field must be is said once, in its
 * `description`: the documents show it, and http/validation.ts refuses with "field: must be <description>". What the
 * documents fill in for a try is in `examples`: a pattern alone would be answered with noise.
 */

/** The reason of a refusal, where it is not `bad_message`; in the form of a documents' extension. */
export const REASON = 'x-reason'

const LARGEST = Number.MAX_SAFE_INTEGER

/** `null` is the same as absent. */
export function optional<Schema extends TSchema> (schema: Schema): TOptional<TUnion<[Schema, Type.TNull]>> {
  const { description, examples } = schema as { description?: string, examples?: unknown[] }
  return Type.Optional(Type.Union([schema, Type.Null()], {
    ...description === undefined ? {} : { description },
    ...examples === undefined ? {} : { examples }
  }))
}

function refusedAs (reason: Reason): TSchemaOptions {
  return { [REASON]: reason }
}

export function count (minimum: number, maximum = LARGEST): Type.TInteger {
  const description = maximum === LARGEST ? `an integer of at least ${minimum}` : `an integer of ${minimum} to ${maximum}`
  return Type.Integer({ minimum, maximum, description })
}

export const RoomName = Type.String({
  pattern: NAME.source, description: `a room's name: ${NAME_RULE}`, ...refusedAs('bad_room')
})

/** Of all rooms, `$all` is the one with a name of its own kind. */
export const JoinableRoom = Type.String({
  pattern: `${NAME.source}|^\\${ALL}$`, description: `a room's name: ${NAME_RULE}; or ${ALL}`, ...refusedAs('bad_room')
})

export const RequestId = Type.Union([
  Type.Integer({ minimum: -LARGEST, maximum: LARGEST }), Type.String({ maxLength: MAX_ID_CHARS })
], { description: `an integer, or a string of at most ${MAX_ID_CHARS} characters` })

/** So many characters, with and without the flag `u`: /docs compiles it without. @param forbidden ranges of a class */
export function charactersBut (forbidden: string, most: number): string {
  return `^(?:[^${forbidden}\\uD800-\\uDFFF]|[\\uD800-\\uDBFF][\\uDC00-\\uDFFF]){1,${most}}$`
}

/** Half a surrogate pair is no character, and two of those would be one to Redis. */
export const Key = Type.String({
  pattern: charactersBut('', MAX_KEY_CHARS),
  description: `a string of 1 to ${MAX_KEY_CHARS} characters`,
  examples: ['order-7-packed']
})

/** The largest number that a cursor holds, digit by digit: a pattern can't say "at most". */
function digitsUpTo (largest: number): string {
  const digits = String(largest)
  const smaller = [...digits].flatMap((digit, at) => {
    const least = at === 0 ? 1 : 0
    if (Number(digit) === least) return []
    return [`${digits.slice(0, at)}[${least}-${Number(digit) - 1}][0-9]{${digits.length - at - 1}}`]
  })
  return `(?:0|[1-9][0-9]{0,${digits.length - 2}}|${smaller.join('|')}|${digits})`
}

export const CursorText = Type.String({
  pattern: `^[A-Za-z0-9_-]{1,32}\\.${digitsUpTo(LARGEST)}\\.[A-Za-z0-9_-]{1,32}$`,
  description: 'a cursor, as the gateway gave it; opaque',
  examples: ['k3f9.42.a8Tq0w'],
  ...refusedAs('bad_cursor')
})

export const Content = Type.Unknown({ description: 'any JSON value; passed on as the bytes that were sent' })
export const Flag = Type.Boolean({ description: 'true or false' })
export const Delta = Type.Integer({
  minimum: -LARGEST, maximum: LARGEST, description: 'an integer of at most ±(2^53 − 1)'
})

export const Seq = Type.Integer({ minimum: 0, description: "the message's number in its room" })
export const Timestamp = Type.String({ format: 'date-time' })
export const User = Type.String({ description: "a user's name" })
export const Text = Type.String()
