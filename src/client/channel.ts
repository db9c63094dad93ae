import type { Connection } from './connection.ts'
import { Continuity } from './continuity.ts'
import { TidegateError } from './errors.ts'
import { ALL, type Frame } from './frames.ts'
import { Emitter } from './events.ts'
import type { Gap, Message, RoomEvents, RoomOptions, Signal } from './types.ts'

/** As a room's own events; and `end`, when it was left, cannot be joined, or the client was closed. */
interface ChannelEvents<Content> extends RoomEvents<Content> { end: TidegateError | undefined }

/** Those who hold all channels. */
export interface ChannelOwner {
  /** It wants to join there, when its turn comes; now, or where it was refused for a while, later. */
  queueJoin (channel: Channel, connection: Connection, afterMs?: number): void
  /** While two connections deliver: whether a frame without a number is new; undefined where there is one. */
  isNew (connection: Connection, text: string): boolean | undefined
}

/** Whom channels tell what is no event of theirs alone. */
export interface ChannelListener {
  /** A room is joined on a connection, or never will be. */
  onSettled (): void
  onGap (gap: Gap): void
  /** A room's log was lost, and with it the memory of the keys of what was published in it. */
  onLogLost (room: string): void
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
  /** What the application has of it. */
  room: object | undefined
  readonly events = new Emitter<ChannelEvents<unknown>>()
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
    this.#continuity = new Continuity(name, this.#history, options.since, (gap) => {
      listener.onGap(gap)
      this.events.emit('gap', gap)
    })
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
    } else if (type === 'gap') this.#gap(frame)
    else if (type === 'system') this.#presence(frame)
    else if (type === 'left') this.#refused(connection, { ...frame, reason: frame.reason ?? 'left', message: 'the room was left' })
    else if (NUMBERED.has(type)) this.#numbered(frame)
  }

  /** An ack that stands in the place of the frame of a message of our own. */
  echoed (connection: Connection, { cursor, duplicate }: Frame): void {
    if (cursor === undefined) return
    this.#continuity.hide(cursor)
    // Of a duplicate it does not: its place was elsewhere.
    if (duplicate !== true) this.receive(connection, { type: 'message', cursor }, '')
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
    this.events.emit('error', error)
  }

  /** It was left, or the client has ended: whoever comes later is told, too. */
  close (error?: TidegateError): void {
    this.source = undefined
    this.refused ??= error ?? new TidegateError('left', `${this.name} was left`, { room: this.name })
    this.events.emit('end', error)
  }

  leave (connections: readonly Connection[]): void {
    for (const connection of connections) connection.ask(JSON.stringify({ type: 'leave', room: this.name }), () => {})
    this.#asked.clear()
    this.close()
  }

  #joined (connection: Connection, frame: Frame, since: string | undefined): void {
    this.source = connection
    this.#isDoubting = !this.#continuity.joined(frame, since)
    if (this.#isDoubting) return this.#owner.queueJoin(this, connection)
    this.#isGapDue = frame.recovered === false
    const { seq, cursor, recovered, replay = 0 } = frame
    this.events.emit('joined', { room: this.name, seq, cursor, recovered, replay })
    if (!this.#isGapDue) this.#listener.onSettled()
  }

  #gap (frame: Frame): void {
    if (KEYS_LOST.has(frame.reason ?? '')) this.#listener.onLogLost(this.name)
    this.#continuity.gap(frame)
    if (!this.#isGapDue) return
    this.#isGapDue = false
    this.#listener.onSettled()
  }

  #refused (connection: Connection, frame: Frame): void {
    if (frame.retryable === true) {
      this.#owner.queueJoin(this, connection, frame.retryAfterMs ?? RETRY_MS)
      return
    }
    this.refused = errorOf(frame, this.name)
    this.source = undefined
    this.events.emit('error', this.refused)
    this.events.emit('end', this.refused)
    this.#listener.onSettled()
  }

  #unnumbered (frame: Frame): void {
    if (this.#continuity.isLive) this.#deliver(frame)
    else this.events.emit('ephemeral', signalOf(frame))
  }

  #numbered (frame: Frame): void {
    const verdict = this.#continuity.message(frame.cursor!)
    if (verdict === 'deliver') this.#deliver(frame)
    if (verdict !== 'doubt') return
    this.#isDoubting = true
    this.#owner.queueJoin(this, this.source!)
  }

  #deliver (frame: Frame): void {
    const gap = this.#continuity.takeGap()
    this.events.emit('message', gap === undefined ? messageOf(frame) : { ...messageOf(frame), gap })
  }

  #presence ({ event, user = '', info, joined: come = [], left: gone = [], count = 0, timestamp = '' }: Frame): void {
    const joined = event === 'join' ? [{ user, ...info === undefined ? {} : { info } }] : come.map(asUser)
    const left = event === 'leave' ? [user] : gone
    for (const one of joined) this.events.emit('member', { event: 'join', ...one, count, timestamp })
    for (const one of left) this.events.emit('member', { event: 'leave', user: one, count, timestamp })
    this.events.emit('members', { joined, left, count, timestamp })
  }
}

/** The error that a frame tells of. */
export function errorOf (frame: Frame, room = frame.room): TidegateError {
  const { reason, message = '', code, retryable = false, retryAfterMs } = frame
  return new TidegateError(reason as TidegateError['reason'], message, {
    code, retryable, retryAfterMs, room: room === ALL ? undefined : room
  })
}

export function messageOf<Content> (frame: Frame): Message<Content> {
  const { seq, cursor } = frame
  return { ...signalOf<Content>(frame), seq, cursor }
}

function signalOf<Content> ({ room = ALL, from = '', content, position, timestamp = '' }: Frame): Signal<Content> {
  // Where the car stands is all that its room says.
  return { room, from, content: (position ?? content) as Content, timestamp }
}

function asUser (one: string | { readonly user: string }): { readonly user: string } {
  return typeof one === 'string' ? { user: one } : one
}
