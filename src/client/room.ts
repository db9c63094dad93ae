import type { Channel, ChannelListener } from './channel.ts'
import type { Core } from './core.ts'
import { TidegateError } from './errors.ts'
import { Emitter, type Unsubscribe } from './events.ts'
import { ALL, type Frame } from './frames.ts'
import { MessageStream } from './stream.ts'
import type {
  Gap, History, MemberList, Message, PublishOptions, Receipt, RoomEvents, RoomOptions, Signal
} from './types.ts'

/** A room, joined for as long as it is not left: over reconnects, restarts of replicas, and dead networks. */
export class Room<Content = unknown> implements AsyncIterable<Message<Content>> {
  readonly name: string
  readonly #core: Core
  readonly #events = new Emitter<RoomEvents<Content>>()
  readonly #channel: Channel
  readonly #streams = new Set<MessageStream<Content>>()

  constructor (name: string, options: RoomOptions, core: Core) {
    this.name = name
    this.#core = core
    this.#channel = core.rooms.add(name, options, this.#listener)
  }

  /** Keep it to resume from, as `since`; undefined before the room is joined, and in `live` rooms. */
  get cursor (): string | undefined {
    return this.#channel.cursor
  }

  get isJoined (): boolean {
    return this.#channel.source !== undefined
  }

  /** @returns a function that ends it */
  on<Name extends keyof RoomEvents<Content>> (
    name: Name, listener: (event: RoomEvents<Content>[Name]) => void
  ): Unsubscribe {
    return this.#events.on(name, listener)
  }

  /**
   * Resolves with the receipt when the message is stored. While there is no connection it waits, and is sent again with
   * the same key until it is answered: published once, in the order of these calls. Rejects with a TidegateError.
   */
  async publish (content: Content, options: PublishOptions = {}): Promise<Receipt> {
    const { key = this.#core.newKey(), echo = true, signal } = options
    const text = contentText(content, this.name)
    const head = JSON.stringify({ type: 'message', room: this.name, key, echo: echo ? undefined : false })
    const ack = await this.#core.publish({
      lane: this.name,
      request: `${head.slice(0, -1)},"content":${text}}`,
      signal,
      onAck: echo ? undefined : (connection, frame) => this.#channel.echoed(connection, frame)
    })
    return receiptOf(ack)
  }

  /** To whoever is there now: not stored, not retried. @returns false where there is no connection */
  ephemeral (content: unknown): boolean {
    const connection = this.#channel.isDeaf ? this.#core.current : this.#channel.source
    if (connection?.isOpen !== true) return false
    const head = JSON.stringify({ type: 'message', room: this.name, ephemeral: true })
    connection.tell(`${head.slice(0, -1)},"content":${contentText(content, this.name)}}`)
    return true
  }

  /** Who is here now, on all replicas. */
  async members (options: { readonly signal?: AbortSignal } = {}): Promise<MemberList> {
    const { count = 0, members = [] } = await this.#core.ask({ type: 'members', room: this.name }, options.signal)
    return { count, members }
  }

  /** A page of what was said: the newest, or what came before a number. */
  async history (
    options: { readonly before?: number, readonly limit?: number, readonly signal?: AbortSignal } = {}
  ): Promise<History<Content>> {
    const { before, limit, signal } = options
    const { messages = [], more = false } = await this.#core.ask({ type: 'history', room: this.name, before, limit }, signal)
    return { messages: messages.map((frame) => messageOf<Content>(frame, undefined)), more }
  }

  /** For good: `client.room()` joins it anew. What waits to be published in it is rejected. */
  leave (): void {
    this.#core.leave(this.#channel)
    this.#end(undefined)
  }

  [Symbol.asyncIterator] (): AsyncIterableIterator<Message<Content>> {
    const stream = new MessageStream<Content>(this.name, () => this.#streams.delete(stream))
    this.#streams.add(stream)
    const { refused } = this.#channel
    if (refused !== undefined) stream.end(refused.reason === 'left' ? undefined : refused)
    return stream
  }

  #end (error: TidegateError | undefined): void {
    for (const stream of [...this.#streams]) stream.end(error)
  }

  get #listener (): ChannelListener {
    return {
      onMessage: (frame, gap) => {
        const message = messageOf<Content>(frame, gap)
        for (const stream of [...this.#streams]) stream.push(message)
        this.#events.emit('message', message)
      },
      onEphemeral: (frame) => this.#events.emit('ephemeral', signalOf(frame)),
      onGap: (gap) => {
        this.#core.onGap(gap)
        this.#events.emit('gap', gap)
      },
      onPresence: (frame) => this.#presence(frame),
      onJoined: ({ seq, cursor, recovered, replay = 0 }) => {
        this.#events.emit('joined', { room: this.name, seq, cursor, recovered, replay })
      },
      onError: (error) => {
        this.#core.onRefused(this.#channel, error)
        this.#events.emit('error', error)
        this.#end(error)
      },
      onWarning: (error) => this.#events.emit('error', error),
      onClosed: (error) => this.#end(error)
    }
  }

  #presence (frame: Frame): void {
    const { event, user = '', count = 0, timestamp = '', info } = frame
    const joined = event === 'join' ? [userOf(user, info)] : (frame.joined ?? []).map((one) => typeof one === 'string' ? { user: one } : one)
    const left = event === 'leave' ? [user] : frame.left ?? []
    for (const one of joined) this.#events.emit('member', { event: 'join', ...one, count, timestamp })
    for (const one of left) this.#events.emit('member', { event: 'leave', user: one, count, timestamp })
    this.#events.emit('members', { joined, left, count, timestamp })
  }
}

function userOf (user: string, info: unknown): { user: string, info?: unknown } {
  return info === undefined ? { user } : { user, info }
}

export function messageOf<Content> (frame: Frame, gap: Gap | undefined): Message<Content> {
  const { seq, cursor } = frame
  return { ...signalOf<Content>(frame), seq, cursor, ...gap === undefined ? {} : { gap } }
}

function signalOf<Content> ({ room = ALL, from = '', content, position, timestamp = '' }: Frame): Signal<Content> {
  // Where the car stands is all that its room says.
  return { room, from, content: (position ?? content) as Content, timestamp }
}

export function receiptOf ({ seq, cursor, duplicate = false }: Frame): Receipt {
  return { seq, cursor, duplicate }
}

/** Throws `bad_content` for what JSON cannot say. */
export function contentText (content: unknown, room?: string): string {
  let cause: unknown
  try {
    const text = JSON.stringify(content) as string | undefined
    if (text !== undefined) return text
  } catch (error) {
    cause = error
  }
  throw new TidegateError('bad_content', 'content: JSON cannot say it', { room, cause })
}
