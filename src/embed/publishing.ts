import type { Position } from '../position/position.ts'
import { isKeyText, MAX_KEY_CHARS } from '../protocol/codec.ts'
import { type Reason, refusal } from '../protocol/codes.ts'
import { type Cursor, formatCursor } from '../protocol/cursor.ts'
import type { Draft, IdempotencyKey } from '../protocol/entry.ts'
import { ALL, isRoomName, NAME_RULE, POSITION } from '../protocol/rooms.ts'
import { publish, type PublishPorts } from '../session/publish.ts'
import { TidegateError, told } from './error.ts'

export interface PublishOptions {
  /** Who it is from, as clients see it; `server` by default. */
  readonly from?: string | undefined
  /**
   * 1 to 64 characters: sent again within 5 minutes, from any process, it is not published twice. Keys of code are
   * apart from those of users.
   */
  readonly key?: string | undefined
}

export interface MessageOptions extends PublishOptions {
  /** Fanned out, and never stored: it has neither `seq` nor `cursor`. */
  readonly ephemeral?: boolean | undefined
}

export interface Published {
  /** Where it is in the room's log; undefined for what is not stored: in rooms of kind `live`, and ephemerals. */
  readonly seq: number | undefined
  readonly cursor: string | undefined
  /** The key was known: nothing was published anew, and this is the first one's place. */
  readonly duplicate: boolean
}

export interface Moved extends Published {
  /** Where the car came to stand. */
  readonly position: number
}

/** What code may say: everything, in every room. All of it rejects with TidegateError. */
export interface Publishing {
  /**
   * @param content any JSON value
   * @example await app.tidegate.publish('orders:7', { state: 'shipped' }, { key: 'shipped-7' })
   */
  publish (room: string, content: unknown, options?: MessageOptions): Promise<Published>
  /** To every connection of every replica. */
  broadcast (content: unknown, options?: PublishOptions): Promise<Published>
  /** Moves the car by an integer, and tells the room `position`. */
  move (delta: number, options?: Pick<PublishOptions, 'key'>): Promise<Moved>
}

interface Parts {
  readonly ports: PublishPorts
  readonly position: Pick<Position, 'move'>
  /** Of content; 0 for no limit. */
  readonly maxBytes: number
}

// Whose keys are one's own: no user's scope is called so.
const SCOPE = 'server'

/** Publishes for code, as sessions and HTTP do; no rights and no hooks are asked. */
export function publishingOf ({ ports, position, maxBytes }: Parts): Publishing {
  const draftOf = (content: unknown, { from, key }: PublishOptions): Draft =>
    ({ from: nameOf(from), content: textOf(content, maxBytes), key: keyOf(key) })
  return {
    publish: async (room, content, options = {}) => {
      if (typeof room !== 'string' || !isRoomName(room)) throw refused('bad_room', `room: this is no name: ${NAME_RULE}`)
      if (room === POSITION) throw refused('forbidden', 'room: position changes by move')
      const { ephemeral = false } = options
      return placed(await told(publish(ports, { room, ephemeral, ...draftOf(content, options) })))
    },
    broadcast: async (content, options = {}) =>
      placed(await told(publish(ports, { room: ALL, ...draftOf(content, options) }))),
    move: async (delta, { key } = {}) => {
      if (!Number.isSafeInteger(delta)) throw refused('bad_message', 'delta: must be an integer of at most ±(2^53 − 1)')
      const moved = await told(position.move(delta + 0, keyOf(key))) // -0 becomes 0
      if (typeof moved === 'string') throw refused(moved)
      return { ...placed(moved), position: moved.position }
    }
  }
}

function refused (reason: Reason, message?: string): TidegateError {
  return new TidegateError(refusal(reason, message))
}

function placed (receipt: { readonly cursor?: Cursor, readonly duplicate: boolean } | 'key_reused'): Published {
  if (receipt === 'key_reused') throw refused('key_reused')
  const { cursor, duplicate } = receipt
  return { seq: cursor?.seq, cursor: cursor && formatCursor(cursor), duplicate }
}

function textOf (content: unknown, maxBytes: number): string {
  let text: string | undefined
  try {
    text = JSON.stringify(content)
  } catch (error) {
    throw new TidegateError(refusal('bad_message', 'content: must be a JSON value'), { cause: error })
  }
  if (text === undefined) throw refused('bad_message', 'content: must be a JSON value')
  if (maxBytes > 0 && Buffer.byteLength(text) > maxBytes) throw refused('too_large', `content: over ${maxBytes} bytes`)
  return text
}

/** As JSON text. */
function nameOf (from = 'server'): string {
  if (typeof from !== 'string') throw refused('bad_message', 'from: must be a string')
  return JSON.stringify(from)
}

function keyOf (key: string | undefined): IdempotencyKey | undefined {
  if (key === undefined) return undefined
  if (typeof key === 'string' && isKeyText(key)) return { scope: SCOPE, key }
  throw refused('bad_message', `key: must be a string of 1 to ${MAX_KEY_CHARS} characters`)
}
