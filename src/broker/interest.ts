import type { Envelope } from '../protocol/entry.ts'
import type { Broker, BrokerListener } from './broker.ts'
import { Lingering } from './lingering.ts'

/** What is done with a room while this replica follows it. */
export interface Followed {
  /** The subscription is live: what comes from now on is heard. Resolves when the room can be joined. */
  start (): Promise<void>
  receive (envelope: Envelope): void
  /** The subscription is live again after a loss. */
  restore (): Promise<void>
  stop (): void
}

interface FollowedRoom {
  users: number
  readonly followed: Followed
  readonly ready: Promise<void>
}

const MAX_RESTORES = 32

/**
 * Which rooms this replica follows: those with members, and for `lingerMs` after the last one left (who
 * reloads a page costs no SUBSCRIBE). DETACHED → SUBSCRIBING → SYNCING → LIVE, each room on its own.
 */
export class Interest implements BrokerListener {
  readonly #broker: Broker
  readonly #follow: (room: string) => Followed
  readonly #rooms = new Map<string, FollowedRoom>()
  // Those that nobody uses any more.
  readonly #left: Lingering
  // An UNSUBSCRIBE on its way: the next SUBSCRIBE of that room waits for it.
  readonly #closing = new Map<string, Promise<void>>()
  // Rooms that are to be read after a reconnect, and how many are being read.
  readonly #restores: string[] = []
  #restoring = 0

  constructor (broker: Broker, follow: (room: string) => Followed, lingerMs: number) {
    this.#broker = broker
    this.#follow = follow
    this.#left = new Lingering(lingerMs, (room) => this.#close(room, this.#rooms.get(room)!))
  }

  /** Resolves when the room is LIVE. Every acquire that resolved wants one release. Rejects with BrokerError. */
  async acquire (room: string): Promise<void> {
    let interest = this.#rooms.get(room)
    if (interest === undefined) {
      const followed = this.#follow(room)
      interest = { users: 0, followed, ready: this.#open(room, followed) }
      this.#rooms.set(room, interest)
    }
    this.#left.takeUp(room)
    interest.users++
    try {
      await interest.ready
    } catch (error) {
      this.#close(room, interest)
      throw error
    }
  }

  release (room: string): void {
    const interest = this.#rooms.get(room)
    if (interest === undefined || --interest.users > 0) return
    this.#left.leave(room)
  }

  /** Gives up a room that is only followed in case that somebody comes back; false where there is none. */
  makeRoom (): boolean {
    return this.#left.giveUpOldest()
  }

  onEnvelope (room: string, envelope: Envelope): void {
    this.#rooms.get(room)?.followed.receive(envelope)
  }

  onRestored (rooms: readonly string[]): void {
    this.#restores.push(...rooms)
    while (this.#restoring < MAX_RESTORES && this.#restores.length > 0) void this.#restoreNext()
  }

  stop (): void {
    this.#left.stop()
    for (const [room, interest] of this.#rooms) {
      this.#rooms.delete(room)
      interest.followed.stop()
    }
  }

  async #restoreNext (): Promise<void> {
    this.#restoring++
    try {
      for (let room = this.#restores.shift(); room !== undefined; room = this.#restores.shift()) {
        await this.#rooms.get(room)?.followed.restore()
      }
    } finally {
      this.#restoring--
    }
  }

  async #open (room: string, followed: Followed): Promise<void> {
    await this.#closing.get(room)
    await this.#broker.subscribe(room)
    await followed.start()
  }

  #close (room: string, interest: FollowedRoom): void {
    // Another acquire of the same failed opening was here first.
    if (this.#rooms.get(room) !== interest) return
    this.#rooms.delete(room)
    interest.followed.stop()
    const closing = this.#broker.unsubscribe(room)
      // Redis is away, and the subscription with it: it is not taken up again.
      .catch(() => {})
      .finally(() => { if (this.#closing.get(room) === closing) this.#closing.delete(room) })
    this.#closing.set(room, closing)
  }
}
