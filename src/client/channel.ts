import type { Connection } from './connection.ts'
import { Continuity } from './continuity.ts'
import { TidegateError } from './errors.ts'
import { ALL, type Frame } from './frames.ts'
import type { Gap, RoomOptions } from './types.ts'

/** Whom a channel tells. */
export interface ChannelListener {
  /** @param gap where something is missing just before it */
  onMessage (frame: Frame, gap: Gap | undefined): void
  /** Without a number, in a room whose messages have one. */
  onEphemeral? (frame: Frame): void
  onGap (gap: Gap): void
  onPresence? (frame: Frame): void
  onJoined? (frame: Frame): void
  /** It cannot be joined, or was lost, for good. */
  onError (error: TidegateError): void
  /** Something of what was sent in it was refused, and nobody waits for an answer. */
  onWarning? (error: TidegateError): void
  /** The client has ended. */
  onClosed? (error: TidegateError | undefined): void
}

/** What a channel asks of those who hold it. */
export interface ChannelOwner {
  /** It wants to join there, when its turn comes; now, or where it was refused for a while, later. */
  queueJoin (channel: Channel, connection: Connection, afterMs?: number): void
  /** It is joined there, or never will be. */
  onSettled (channel: Channel, connection: Connection): void
  /** The log was lost, and with it the memory of the keys of what was published in it. */
  onLogLost (channel: Channel): void
  /** While two connections deliver: whether a frame without a number is new; undefined where there is one. */
  isNew (connection: Connection, text: string): boolean | undefined
}

const RETRY_MS = 1_000
const KEYS_LOST = new Set(['epoch', 'fork', 'ahead'])
const NUMBERED = new Set(['message', 'broadcast', 'position'])

/** A room over all its connections: one of them is its source at a time, from its `joined` on. */
export class Channel {
  readonly name: string
  /** Where it is not to be listened to, only published in. */
  readonly isDeaf: boolean
  /** Why it cannot be joined any more. */
  refused: TidegateError | undefined
  source: Connection | undefined
  readonly #history: number
  readonly #owner: ChannelOwner
  readonly #listener: ChannelListener
  readonly #continuity: Continuity
  readonly #asked = new Map<Connection, object>()
  // It has asked to be told again: until then nothing that comes counts.
  #isDoubting = false
  // What was missed cannot be had: the `gap` that says why comes next.
  #isGapDue = false

  constructor (name: string, options: RoomOptions, owner: ChannelOwner, listener: ChannelListener) {
    this.name = name
    this.isDeaf = options.join === false
    this.#history = options.history ?? 0
    this.#owner = owner
    this.#listener = listener
    this.#continuity = new Continuity(name, this.#history, options.since, (gap) => listener.onGap(gap))
  }

  get cursor (): string | undefined {
    return this.#continuity.cursor
  }

  get seq (): number | undefined {
    return this.#continuity.seq
  }

  isSettledOn (connection: Connection): boolean {
    return this.isDeaf || this.refused !== undefined || this.isJoinedOn(connection)
  }

  isJoinedOn (connection: Connection | undefined): boolean {
    return this.source === connection && !this.#isDoubting && !this.#isGapDue
  }

  join (connection: Connection, done: () => void): void {
    const since = this.cursor
    const token = {}
    this.#asked.set(connection, token)
    const request = { type: 'join', room: this.name, since, history: this.#history || undefined }
    connection.ask(JSON.stringify(request), (reply) => {
      if (this.#asked.get(connection) !== token) return done()
      this.#asked.delete(connection)
      if (reply?.type === 'joined') this.#joined(connection, reply, since)
      else if (reply !== undefined) this.#refused(connection, reply)
      done()
    })
  }

  /** The first connection's `welcome` joins `$all`. */
  begin (connection: Connection, cursor: string): void {
    this.#joined(connection, { type: 'joined', cursor, replay: 0 }, undefined)
  }

  receive (connection: Connection, frame: Frame, text: string): void {
    const isSource = connection === this.source
    const { type, cursor } = frame
    if (type === 'message' && cursor === undefined) {
      if (this.#owner.isNew(connection, text) ?? isSource) this.#unnumbered(frame)
    } else if (!isSource || this.#isDoubting) {
      // The other connection tells it, or the next `joined` does.
    } else if (type === 'gap') this.#gap(connection, frame)
    else if (type === 'system') this.#listener.onPresence?.(frame)
    else if (type === 'left') this.#refused(connection, { ...frame, reason: frame.reason ?? 'left', message: 'the room was left' })
    else if (NUMBERED.has(type)) this.#numbered(frame)
  }

  /** An ack that stands in the place of the frame of a message of our own. */
  echoed (connection: Connection, { cursor, duplicate }: Frame): void {
    if (cursor === undefined) return
    const isInPlace = connection === this.source && !this.#isDoubting && duplicate !== true
    this.#judge(this.#continuity.echoed(cursor, isInPlace))
  }

  /** @param other a connection that still lives */
  onLost (connection: Connection, other: Connection | undefined): void {
    this.#asked.delete(connection)
    if (this.source !== connection) return
    this.source = undefined
    this.#isDoubting = this.#isGapDue = false
    // It was told less than it could have been: it was not the source any more.
    if (other !== undefined) this.#owner.queueJoin(this, other)
  }

  /** The gateway says that it is no member. */
  joinAgain (connection: Connection): void {
    if (this.source === connection) this.source = undefined
    this.#owner.queueJoin(this, connection)
  }

  warn (error: TidegateError): void {
    this.#listener.onWarning?.(error)
  }

  /** The client has ended. */
  close (error: TidegateError | undefined): void {
    this.source = undefined
    this.#listener.onClosed?.(error)
  }

  leave (connections: readonly Connection[]): void {
    this.refused ??= new TidegateError('left', `${this.name} was left`, { room: this.name })
    for (const connection of connections) connection.ask(JSON.stringify({ type: 'leave', room: this.name }), () => {})
    this.#asked.clear()
    this.source = undefined
  }

  #joined (connection: Connection, frame: Frame, since: string | undefined): void {
    this.source = connection
    this.#isDoubting = !this.#continuity.joined(frame, since)
    if (this.#isDoubting) return this.#owner.queueJoin(this, connection)
    this.#isGapDue = frame.recovered === false
    this.#listener.onJoined?.(frame)
    if (!this.#isGapDue) this.#owner.onSettled(this, connection)
  }

  #gap (connection: Connection, frame: Frame): void {
    if (KEYS_LOST.has(frame.reason ?? '')) this.#owner.onLogLost(this)
    this.#continuity.gap(frame)
    if (!this.#isGapDue) return
    this.#isGapDue = false
    this.#owner.onSettled(this, connection)
  }

  #refused (connection: Connection, frame: Frame): void {
    if (frame.retryable === true) {
      this.#owner.queueJoin(this, connection, frame.retryAfterMs ?? RETRY_MS)
      return
    }
    this.refused = errorOf(frame, this.name)
    this.source = undefined
    this.#listener.onError(this.refused)
    this.#owner.onSettled(this, connection)
  }

  #unnumbered (frame: Frame): void {
    if (this.#continuity.isLive) this.#listener.onMessage(frame, this.#continuity.takeGap())
    else this.#listener.onEphemeral?.(frame)
  }

  #numbered (frame: Frame): void {
    const verdict = this.#continuity.message(frame.cursor!)
    if (verdict === 'deliver') this.#listener.onMessage(frame, this.#continuity.takeGap())
    else this.#judge(verdict)
  }

  #judge (verdict: 'deliver' | 'drop' | 'doubt'): void {
    if (verdict !== 'doubt') return
    this.#isDoubting = true
    this.#owner.queueJoin(this, this.source!)
  }
}

/** The error that a frame tells of. */
export function errorOf (frame: Frame, room = frame.room): TidegateError {
  const { reason = 'internal', message = 'refused', code, retryable = false, retryAfterMs } = frame
  return new TidegateError(reason as TidegateError['reason'], message, {
    code, retryable, retryAfterMs, room: room === ALL ? undefined : room
  })
}
