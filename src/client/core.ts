import type { Channel } from './channel.ts'
import { errorOf } from './channel.ts'
import type { Connection } from './connection.ts'
import { TidegateError } from './errors.ts'
import { Emitter } from './events.ts'
import { type Frame, POSITION } from './frames.ts'
import { type Host, socketUrl } from './host.ts'
import { Link, type LinkListener } from './link.ts'
import { Outbox, type Publication } from './outbox.ts'
import { Rooms } from './rooms.ts'
import type { ClientEvents, ConnectOptions, StateChange, Welcome } from './types.ts'

const MAX_MESSAGES = 1_000
const MAX_BYTES = 1_048_576
// What reads are asked again, where the gateway refuses them for now.
const MAX_READ_TRIES = 5
const KEY_BYTES = 12

/** What the parts of a client share: one link, its rooms, and what waits for it. */
export class Core implements LinkListener {
  readonly events = new Emitter<ClientEvents>()
  readonly rooms: Rooms
  readonly #link: Link
  readonly #outbox: Outbox
  welcome: Welcome | undefined
  error: TidegateError | undefined
  #end: TidegateError | undefined
  // Nobody can guess a key, and nobody has it twice: guests share one memory of keys.
  readonly #keyPrefix = crypto.getRandomValues(new Uint8Array(KEY_BYTES)).join('')
  #keys = 0
  #reads = 0

  constructor (address: string, options: ConnectOptions, host: Host) {
    this.rooms = new Rooms(host, {
      onSettled: () => {
        this.#link.settle()
        this.#outbox.pump()
      },
      onGap: (gap) => this.events.emit('gap', gap),
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

  newKey (): string {
    return `${this.#keyPrefix}.${++this.#keys}`
  }

  async publish (publication: Publication): Promise<Frame> {
    if (this.#end !== undefined) throw this.#end
    const refused = this.rooms.get(publication.lane)?.refused
    if (refused !== undefined) throw refused
    return await this.#outbox.publish(publication)
  }

  /** Asks what can be asked again without harm. It waits for nothing but a connection: each is a lane of its own. */
  async ask (request: object, signal: AbortSignal | undefined): Promise<Frame> {
    const lane = `?${++this.#reads}`
    return await this.publish({ lane, request: JSON.stringify(request), signal, maxTries: MAX_READ_TRIES })
  }

  leave (channel: Channel): void {
    this.rooms.leave(channel)
    this.#outbox.fail(channel.refused!, channel.name)
  }

  onState (change: StateChange): void {
    const { state, error } = change
    this.error = error
    if (state === 'closed') {
      this.#end = error ?? new TidegateError('closed', 'the client was closed')
      this.#outbox.fail(this.#end)
      // Nothing is left: it looks at no clock any more.
      this.#outbox.pump()
      this.rooms.close(error)
    }
    this.events.emit('state', change)
  }

  onError (error: TidegateError): void {
    this.events.emit('error', error)
  }

  onWelcome (connection: Connection, frame: Frame): void {
    const { user = '', replica = '', connection: name = '', maxMessageBytes = 0, expires } = frame
    this.welcome = { user, replica, connection: name, maxMessageBytes, expires }
    this.events.emit('welcome', this.welcome)
    this.rooms.joinAll(connection, frame)
  }

  isSettledOn (connection: Connection): boolean {
    return this.rooms.isSettledOn(connection)
  }

  onCurrent (): void {
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
}
