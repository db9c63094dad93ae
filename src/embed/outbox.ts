import type { Broker } from '../broker/broker.ts'
import type { Log } from '../log/log.ts'
import type { Position } from '../position/position.ts'
import { isKeyText, MAX_KEY_CHARS } from '../protocol/codec.ts'
import { type Reason, refusal } from '../protocol/codes.ts'
import { type Cursor, formatCursor } from '../protocol/cursor.ts'
import type { IdempotencyKey } from '../protocol/entry.ts'
import { ALL, isRoomName, NAME_RULE, POSITION, type RoomKind } from '../protocol/rooms.ts'
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
  readonly log: Pick<Log, 'append'>
  readonly broker: Pick<Broker, 'publish'>
  readonly position: Pick<Position, 'move'>
  readonly kindOf: (room: string) => RoomKind
  /** Of content; 0 for no limit. */
  readonly maxBytes: number
}

// Whose keys are one's own: no user's scope is called so.
const SCOPE = 'server'

/** Publishes for code, through the same ports as sessions do. */
export class Outbox implements Publishing {
  readonly #parts: Parts

  constructor (parts: Parts) {
    this.#parts = parts
  }

  async publish (room: string, content: unknown, options: MessageOptions = {}): Promise<Published> {
    if (typeof room !== 'string' || !isRoomName(room)) throw refused('bad_room', `room: this is no name: ${NAME_RULE}`)
    if (room === POSITION) throw refused('forbidden', 'room: position changes by move')
    const { log, broker, kindOf } = this.#parts
    const draft = { from: nameOf(options.from), content: this.#textOf(content) }
    const key = keyOf(options.key)
    if (!options.ephemeral && kindOf(room) !== 'live') return placed(await told(log.append(room, { ...draft, key })))
    const signal = { ...draft, except: undefined, timestampMs: Date.now() }
    const outcome = await told(broker.publish(room, signal, key))
    if (outcome === 'key_reused') throw refused('key_reused')
    return { seq: undefined, cursor: undefined, duplicate: outcome === 'duplicate' }
  }

  async broadcast (content: unknown, options: PublishOptions = {}): Promise<Published> {
    const draft = { from: nameOf(options.from), content: this.#textOf(content), key: keyOf(options.key) }
    return placed(await told(this.#parts.log.append(ALL, draft)))
  }

  async move (delta: number, options: Pick<PublishOptions, 'key'> = {}): Promise<Moved> {
    if (!Number.isSafeInteger(delta)) throw refused('bad_message', 'delta: must be an integer of at most ±(2^53 − 1)')
    const moved = await told(this.#parts.position.move(delta + 0, keyOf(options.key))) // -0 becomes 0
    if (typeof moved === 'string') throw refused(moved)
    return { ...placed(moved), position: moved.position }
  }

  #textOf (content: unknown): string {
    let text: string | undefined
    try {
      text = JSON.stringify(content)
    } catch (error) {
      throw new TidegateError(refusal('bad_message', 'content: must be a JSON value'), { cause: error })
    }
    if (text === undefined) throw refused('bad_message', 'content: must be a JSON value')
    const { maxBytes } = this.#parts
    if (maxBytes > 0 && Buffer.byteLength(text) > maxBytes) throw refused('too_large', `content: over ${maxBytes} bytes`)
    return text
  }
}

function refused (reason: Reason, message?: string): TidegateError {
  return new TidegateError(refusal(reason, message))
}

function placed (receipt: { readonly cursor: Cursor, readonly duplicate: boolean } | 'key_reused'): Published {
  if (receipt === 'key_reused') throw refused('key_reused')
  const { cursor, duplicate } = receipt
  return { seq: cursor.seq, cursor: formatCursor(cursor), duplicate }
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
