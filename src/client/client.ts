import { Core } from './core.ts'
import type { TidegateError } from './errors.ts'
import type { Unsubscribe } from './events.ts'
import { ALL, POSITION } from './frames.ts'
import { type Host, realHost } from './host.ts'
import { SharedPosition } from './position.ts'
import { receiptOf, requestText, Room } from './room.ts'
import type {
  ClientEvents, ConnectOptions, ContentOf, PublishOptions, Receipt, RoomMap, RoomOptions, State
} from './types.ts'

/** One user's end of a gateway: a connection that comes back by itself, and the rooms on it. */
export class Client<Rooms extends RoomMap = Record<string, unknown>> {
  /** The shared counter. */
  readonly position: SharedPosition
  readonly #core: Core

  /** As `connect`; of the surroundings, tests have their own. */
  constructor (url: string, options: ConnectOptions, host: Host) {
    const core = this.#core = new Core(url, options, host)
    this.position = new SharedPosition(core, () => this.room<number>(POSITION))
    const { events } = core.rooms.add(ALL, {})
    events.on('message', (message) => core.events.emit('broadcast', message))
    events.on('error', (error) => core.onError(error))
    core.start()
  }

  get state (): State {
    return this.#core.state
  }

  /** Why it is not online. */
  get error (): TidegateError | undefined {
    return this.#core.error
  }

  /** The name that the gateway knows this client by; undefined before the first welcome. */
  get user (): string | undefined {
    return this.#core.welcome?.user
  }

  /** Which replica it is connected to. */
  get replica (): string | undefined {
    return this.#core.welcome?.replica
  }

  /** How long the last ping took, there and back. */
  get latencyMs (): number | undefined {
    return this.#core.current?.latencyMs
  }

  /** @returns a function that ends it */
  on<Name extends keyof ClientEvents> (name: Name, listener: (event: ClientEvents[Name]) => void): Unsubscribe {
    return this.#core.events.on(name, listener)
  }

  /** Joins a room, and stays in it until it is left. Asked again it is the same room, with the first's options. */
  room<Name extends string> (name: Name, options?: RoomOptions): Room<ContentOf<Rooms, Name>>
  room<Content> (name: string, options?: RoomOptions): Room<Content>
  room (name: string, options: RoomOptions = {}): object {
    return this.#core.rooms.get(name)?.room ?? new Room<unknown>(name, options, this.#core)
  }

  /** To every connection of the gateway; where tokens are asked for, one that can broadcast. As `room.publish`. */
  async broadcast (content: unknown, options: Omit<PublishOptions, 'echo'> = {}): Promise<Receipt> {
    const { key = this.#core.newKey(), signal } = options
    const request = requestText({ type: 'broadcast', key }, content)
    return receiptOf(await this.#core.publish({ lane: ALL, request, signal }))
  }

  /** For good. What waits is rejected with `closed`, or `unknown_outcome` where it may have been published. */
  close (): void {
    this.#core.close()
  }
}

/**
 * Connects, and stays connected until `close()`.
 * @param url `wss://host/ws`, `https://host`, or in a page `/ws`
 */
export function connect<Rooms extends RoomMap = Record<string, unknown>> (
  url: string, options: ConnectOptions = {}
): Client<Rooms> {
  return new Client<Rooms>(url, options, realHost())
}
