import { type Channel, messageOf } from './channel.ts'
import type { Core } from './core.ts'
import { TidegateError } from './errors.ts'
import type { Unsubscribe } from './events.ts'
import type { Frame } from './frames.ts'
import { streamOf } from './stream.ts'
import type { History, MemberList, Message, PublishOptions, Receipt, RoomEvents, RoomOptions } from './types.ts'

/** A room, joined for as long as it is not left: over reconnects, restarts of replicas, and dead networks. */
export class Room<Content = unknown> implements AsyncIterable<Message<Content>> {
  readonly name: string
  readonly #core: Core
  readonly #channel: Channel

  constructor (name: string, options: RoomOptions, core: Core) {
    this.name = name
    this.#core = core
    this.#channel = core.rooms.add(name, options)
    this.#channel.room = this
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
    return this.#channel.events.on(name, listener as never)
  }

  /**
   * Resolves with the receipt when the message is stored. While there is no connection it waits, and is sent again with
   * the same key until it is answered: published once, in the order of these calls. Rejects with a TidegateError.
   */
  async publish (content: Content, options: PublishOptions = {}): Promise<Receipt> {
    const { key = this.#core.newKey(), echo, signal } = options
    const ack = await this.#core.publish({
      lane: this.name,
      request: requestText({ type: 'message', room: this.name, key, echo }, content),
      signal,
      onAck: echo === false ? (connection, frame) => this.#channel.echoed(connection, frame) : undefined
    })
    return receiptOf(ack)
  }

  /** To whoever is there now: not stored, not retried. @returns false where there is no connection */
  ephemeral (content: unknown): boolean {
    const connection = this.#channel.isDeaf ? this.#core.current : this.#channel.source
    const request = requestText({ type: 'message', room: this.name, ephemeral: true }, content)
    return connection?.tell(request) ?? false
  }

  /** Who is here now, on all replicas. */
  async members ({ signal }: { readonly signal?: AbortSignal } = {}): Promise<MemberList> {
    const { count = 0, members = [] } = await this.#core.ask({ type: 'members', room: this.name }, signal)
    return { count, members }
  }

  /** A page of what was said: the newest, or what came before a number. */
  async history (
    { before, limit, signal }: { readonly before?: number, readonly limit?: number, readonly signal?: AbortSignal } = {}
  ): Promise<History<Content>> {
    const request = { type: 'history', room: this.name, before, limit }
    const { messages = [], more = false } = await this.#core.ask(request, signal)
    return { messages: messages.map((frame) => messageOf<Content>(frame)), more }
  }

  /** For good: `client.room()` joins it anew. What waits to be published in it is rejected. */
  leave (): void {
    this.#core.leave(this.#channel)
  }

  /** From the first `next()` on, which is where `for await` begins. */
  [Symbol.asyncIterator] (): AsyncGenerator<Message<Content>, undefined> {
    return streamOf<Content>(this.#channel)
  }
}

export function receiptOf ({ seq, cursor, duplicate = false }: Frame): Receipt {
  return { seq, cursor, duplicate }
}

/** A request that carries content. Throws `bad_content` for what JSON cannot say. */
export function requestText (fields: object, content: unknown): string {
  let cause: unknown
  try {
    // What is no JSON is left out, where there would be `content`.
    const text = JSON.stringify(content) as string | undefined
    if (text !== undefined) return `${JSON.stringify(fields).slice(0, -1)},"content":${text}}`
  } catch (error) {
    cause = error
  }
  throw new TidegateError('bad_content', 'content: JSON cannot say it', { cause })
}
