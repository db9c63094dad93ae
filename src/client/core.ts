import type { Channel } from './channel.ts'
import { errorOf } from './channel.ts'
import type { Connection } from './connection.ts'
import { TidegateError } from './errors.ts'
import { type Frame, POSITION } from './frames.ts'
import { type Host, socketUrl } from './host.ts'
import { Link, type LinkListener } from './link.ts'
import { Outbox, type Publication } from './outbox.ts'
import { Rooms } from './rooms.ts'
import type { ConnectOptions, Gap, StateChange } from './types.ts'

export interface CoreListener {
  onState (change: StateChange): void
  onError (error: TidegateError): void
  onWelcome (frame: Frame): void
  onGap (gap: Gap): void
}

const MAX_MESSAGES = 1_000
const MAX_BYTES = 1_048_576
// What reads may be asked again; each time on a new connection, or after the gateway's refusal.
const MAX_TRIES = 5
const RETRY_MS = 500
const KEY_BYTES = 12

interface Question { readonly text: string, readonly settle: (answer: Frame | TidegateError) => void, tries: number }

/** What the parts of a client share: one link, its rooms, and what waits for it. */
export class Core implements LinkListener {
  readonly rooms: Rooms
  readonly #link: Link
  readonly #outbox: Outbox
  readonly #listener: CoreListener
  readonly #host: Host
  readonly #questions = new Set<Question>()
  #end: TidegateError | undefined
  readonly #keyPrefix = randomText()
  #keys = 0

  constructor (address: string, options: ConnectOptions, host: Host, listener: CoreListener) {
    this.#listener = listener
    this.#host = host
    this.rooms = new Rooms(host, {
      onSettled: () => {
        this.#link.settle()
        this.#outbox.pump()
      },
      onLogLost: (room) => this.#outbox.forget(room)
    })
    const { maxMessages = MAX_MESSAGES, maxBytes = MAX_BYTES } = options.outbox ?? {}
    this.#outbox = new Outbox({
      maxMessages,
      maxBytes,
      host,
      connectionFor: (lane) => this.#connectionFor(lane),
      onNotJoined: (lane, connection) => this.rooms.get(lane)?.joinAgain(connection)
    })
    this.#link = new Link(socketUrl(address), options, host, this)
  }

  get state (): Link['state'] {
    return this.#link.state
  }

  get current (): Connection | undefined {
    return this.#link.current
  }

  start (): void {
    this.#link.start()
  }

  close (): void {
    this.#link.close()
  }

  /** Nobody can guess it, and nobody has it twice: guests share one memory of keys. */
  newKey (): string {
    return `${this.#keyPrefix}.${(++this.#keys).toString(36)}`
  }

  async publish (publication: Publication): Promise<Frame> {
    if (this.#end !== undefined) throw this.#end
    const refused = this.rooms.get(publication.lane)?.refused
    if (refused !== undefined) throw refused
    return await this.#outbox.publish(publication)
  }

  /** Asks what can be asked again without harm, when there is a connection. */
  async ask (request: object, signal?: AbortSignal): Promise<Frame> {
    return await new Promise((resolve, reject) => {
      const question: Question = {
        text: JSON.stringify(request),
        tries: 0,
        settle: (answer) => {
          this.#questions.delete(question)
          signal?.removeEventListener('abort', onAbort)
          if (answer instanceof TidegateError) reject(answer)
          else resolve(answer)
        }
      }
      const onAbort = (): void => question.settle(new TidegateError('aborted', 'aborted', { cause: signal?.reason }))
      this.#questions.add(question)
      signal?.addEventListener('abort', onAbort)
      if (this.#end !== undefined) question.settle(this.#end)
      else if (signal?.aborted === true) onAbort()
      else this.#put(question)
    })
  }

  leave (channel: Channel): void {
    this.rooms.leave(channel)
    this.#outbox.fail(channel.refused!, channel.name)
  }

  onRefused (channel: Channel, error: TidegateError): void {
    this.#outbox.fail(error, channel.name)
  }

  onGap (gap: Gap): void {
    this.#listener.onGap(gap)
  }

  onState (change: StateChange): void {
    if (change.state === 'closed') this.#finish(change.error)
    this.#listener.onState(change)
  }

  onError (error: TidegateError): void {
    this.#listener.onError(error)
  }

  onWelcome (connection: Connection, frame: Frame): void {
    this.#listener.onWelcome(frame)
    this.rooms.joinAll(connection, frame)
  }

  isSettledOn (connection: Connection): boolean {
    return this.rooms.isSettledOn(connection)
  }

  onCurrent (): void {
    for (const question of [...this.#questions]) this.#put(question)
    this.#outbox.pump()
  }

  onFrame (connection: Connection, frame: Frame, text: string): void {
    this.rooms.receive(connection, frame, text)
    // Of what was told without an id: an ephemeral.
    if (frame.type !== 'error' || frame.id !== undefined) return
    const error = errorOf(frame)
    if (!this.rooms.warn(error)) this.onError(error)
  }

  onLost (connection: Connection): void {
    this.rooms.onLost(connection)
  }

  #connectionFor (lane: string): Connection | TidegateError | undefined {
    const channel = this.rooms.get(lane)
    if (channel?.refused !== undefined) return channel.refused
    const isAsMember = channel !== undefined && !channel.isDeaf && lane !== POSITION
    const connection = isAsMember ? channel.source : this.current
    if (connection?.isOpen !== true || (isAsMember && !channel.isJoinedOn(connection))) return undefined
    return connection
  }

  #put (question: Question): void {
    const connection = this.current
    if (connection === undefined || !this.#questions.has(question)) return
    question.tries++
    connection.ask(question.text, (reply) => {
      if (!this.#questions.has(question)) return
      if (reply === undefined) {
        // The next connection is asked, or the one that has come already.
        if (question.tries >= MAX_TRIES) question.settle(new TidegateError('disconnected', 'no answer came'))
        else if (this.current !== connection) this.#put(question)
      } else if (reply.type !== 'error') question.settle(reply)
      else if (reply.retryable !== true || question.tries >= MAX_TRIES) question.settle(errorOf(reply))
      else this.#host.setTimeout(() => this.#put(question), reply.retryAfterMs ?? RETRY_MS)
    })
  }

  #finish (error: TidegateError | undefined): void {
    this.#end = error ?? new TidegateError('closed', 'the client was closed')
    this.#outbox.fail(this.#end)
    for (const question of [...this.#questions]) question.settle(this.#end)
    this.rooms.close(error)
  }
}

function randomText (): string {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
