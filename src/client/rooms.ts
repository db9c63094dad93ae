import { Channel, type ChannelListener, type ChannelOwner } from './channel.ts'
import type { Connection } from './connection.ts'
import type { TidegateError } from './errors.ts'
import { ALL, type Frame } from './frames.ts'
import type { Host } from './host.ts'
import { Overlap } from './overlap.ts'
import type { RoomOptions } from './types.ts'

// A burst of joins is a burst of requests: no more at once, so that few are refused for their rate.
const MAX_JOINS = 16

interface Queue { readonly waiting: Set<Channel>, active: number }

/** All rooms of a client, over the one connection that it has, or the two while it moves from one to the other. */
export class Rooms implements ChannelOwner {
  readonly #channels = new Map<string, Channel>()
  readonly #queues = new Map<Connection, Queue>()
  readonly #host: Host
  readonly #listener: ChannelListener
  #overlap: Overlap<Connection> | undefined

  constructor (host: Host, listener: ChannelListener) {
    this.#host = host
    this.#listener = listener
  }

  get (name: string): Channel | undefined {
    return this.#channels.get(name)
  }

  add (name: string, options: RoomOptions): Channel {
    const channel = new Channel(name, options, this, this.#listener)
    this.#channels.set(name, channel)
    for (const connection of this.#queues.keys()) this.queueJoin(channel, connection)
    return channel
  }

  leave (channel: Channel): void {
    if (this.#channels.get(channel.name) !== channel) return
    this.#channels.delete(channel.name)
    for (const { waiting } of this.#queues.values()) waiting.delete(channel)
    channel.leave([...this.#queues.keys()])
    this.#listener.onSettled()
  }

  /** A connection is there: all rooms are joined on it, too. */
  joinAll (connection: Connection, { broadcastCursor }: Frame): void {
    if (this.#queues.size > 0) this.#overlap ??= new Overlap()
    this.#queues.set(connection, { waiting: new Set(), active: 0 })
    // Broadcasts first: the gateway holds them back until it knows the cursor.
    const all = this.#channels.get(ALL)!
    if (all.cursor === undefined && broadcastCursor !== undefined) all.begin(connection, broadcastCursor)
    for (const channel of this.#channels.values()) {
      if (channel.source !== connection) this.queueJoin(channel, connection)
    }
  }

  isSettledOn (connection: Connection): boolean {
    return [...this.#channels.values()].every((channel) => channel.isSettledOn(connection))
  }

  onLost (connection: Connection): void {
    this.#queues.delete(connection)
    if (this.#queues.size < 2) this.#overlap = undefined
    const other = [...this.#queues.keys()].at(-1)
    for (const channel of this.#channels.values()) channel.onLost(connection, other)
  }

  receive (connection: Connection, frame: Frame, text: string): void {
    const name = frame.type === 'broadcast' ? ALL : frame.room
    if (name !== undefined) this.#channels.get(name)?.receive(connection, frame, text)
  }

  /** An error that names a room, and answers no request. */
  warn (error: TidegateError): boolean {
    const channel = error.room === undefined ? undefined : this.#channels.get(error.room)
    channel?.warn(error)
    return channel !== undefined
  }

  /** The client has ended. */
  close (error: TidegateError | undefined): void {
    for (const channel of this.#channels.values()) channel.close(error)
  }

  isNew (connection: Connection, text: string): boolean | undefined {
    return this.#overlap?.isNew(connection, text)
  }

  queueJoin (channel: Channel, connection: Connection, afterMs = 0): void {
    if (afterMs > 0) {
      this.#host.setTimeout(() => this.queueJoin(channel, connection), afterMs)
      return
    }
    const queue = this.#queues.get(connection)
    if (queue === undefined || this.#channels.get(channel.name) !== channel) return
    if (channel.isDeaf || channel.refused !== undefined) return
    queue.waiting.add(channel)
    this.#pump(connection, queue)
  }

  #pump (connection: Connection, queue: Queue): void {
    for (const channel of queue.waiting) {
      if (queue.active >= MAX_JOINS) return
      queue.waiting.delete(channel)
      queue.active++
      channel.join(connection, () => {
        queue.active--
        this.#pump(connection, queue)
      })
    }
  }
}
