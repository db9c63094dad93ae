import { BrokerError } from '../protocol/codes.ts'
import type { Holding, Members, Presence, RoomPage } from './presence.ts'

interface Held {
  connections: number
  info: string | undefined
  // Runs while a user that was cut off may still come back.
  grace: NodeJS.Timeout | undefined
}

/** A user of a room, in whose place undefined stands where users are not told of. */
export interface Attendee {
  readonly user: string | undefined
  readonly info?: string | undefined
}

const MAX_HOLDINGS = 512
// The more there is to tell, the longer the next time may be away, up to what a merged frame waits for, too.
const REST_MS_PER_HOLDING = 10
const MAX_REST_MS = 250
const RETRY_MS = 500
const SETTLE_MS = 1_000

/**
 * Who is in which room on this replica. What changes within one turn of the event loop is put with one command, and
 * what changes soon after that with the next, so that a crowd costs few; where Redis is away it is put when it is back.
 */
export class LocalPresence {
  readonly #presence: Presence
  readonly #graceMs: number
  readonly #rooms = new Map<string, Map<string | undefined, Held>>()
  // What has to be put.
  readonly #dirty = new Map<string, Set<string | undefined>>()
  #isScheduled = false
  #isPutting = false
  #isStopped = false
  // Ends the rest before its time.
  #hurry: () => void = () => {}
  #waiting: Array<() => void> = []
  // By room: the newest read of its members, and the one that has not begun yet.
  readonly #lastReads = new Map<string, Promise<Members>>()
  readonly #nextReads = new Map<string, Promise<Members>>()

  /** @param graceMs in which a user whose last connection broke may come back, and nobody is told */
  constructor (presence: Presence, graceMs: number) {
    this.#presence = presence
    this.#graceMs = graceMs
  }

  start (): void {
    this.#presence.start(() => this.#putAll())
  }

  /** One more connection of a user is in the room. */
  enter (room: string, { user, info }: Attendee): void {
    let users = this.#rooms.get(room)
    if (users === undefined) this.#rooms.set(room, users = new Map())
    const held = users.get(user) ?? { connections: 0, info, grace: undefined }
    users.set(user, held)
    clearTimeout(held.grace)
    held.grace = undefined
    held.connections++
    held.info = info
    this.#mark(room, user)
  }

  /** One less. @param isDropped it broke, and was not asked to end: the user may come back */
  leave (room: string, user: string | undefined, isDropped: boolean): void {
    const held = this.#rooms.get(room)?.get(user)
    if (held === undefined) return
    held.connections--
    if (held.connections === 0) {
      if (isDropped && user !== undefined && this.#graceMs > 0) {
        held.grace = setTimeout(() => this.#forget(room, user), this.#graceMs)
      } else this.#forget(room, user)
    }
    this.#mark(room, user)
  }

  /** How many users of rooms this replica holds, those left out of whom nobody is told. */
  get size (): number {
    let size = 0
    for (const users of this.#rooms.values()) size += users.size - Number(users.has(undefined))
    return size
  }

  /** Over all replicas, with what has changed here until now. Rejects with BrokerError. */
  async members (room: string): Promise<Members> {
    await this.#settled()
    return await (this.#nextReads.get(room) ?? this.#read(room))
  }

  /**
   * Who asks shares the next read that begins, never one under way: it would not know of what was put since. A crowd
   * that asks for a large room at once would keep Redis from all else.
   */
  #read (room: string): Promise<Members> {
    const before = this.#lastReads.get(room)
    const begin = async (): Promise<Members> => {
      await before?.catch(() => {})
      this.#nextReads.delete(room)
      try {
        return await this.#presence.members(room)
      } finally {
        if (this.#lastReads.get(room) === read) this.#lastReads.delete(room)
      }
    }
    const read = begin()
    this.#nextReads.set(room, read)
    this.#lastReads.set(room, read)
    return read
  }

  /** Rooms with members, over all replicas. Rejects with BrokerError. */
  async rooms (after: string, limit: number): Promise<RoomPage> {
    await this.#settled()
    return await this.#presence.rooms(after, limit)
  }

  /** Resolves when all that has changed here can be seen by everyone; or after a second. */
  async #settled (): Promise<void> {
    if (this.#dirty.size === 0 && !this.#isPutting) return
    this.#hurry()
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, SETTLE_MS)
      this.#waiting.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  async stop (): Promise<void> {
    this.#isStopped = true
    for (const users of this.#rooms.values()) for (const { grace } of users.values()) clearTimeout(grace)
    await this.#presence.stop(this.#graceMs)
  }

  #forget (room: string, user: string | undefined): void {
    const users = this.#rooms.get(room)!
    clearTimeout(users.get(user)?.grace)
    users.delete(user)
    if (users.size === 0) this.#rooms.delete(room)
    this.#mark(room, user)
  }

  #putAll (): void {
    for (const [room, users] of this.#rooms) for (const user of users.keys()) this.#mark(room, user)
  }

  #mark (room: string, user: string | undefined): void {
    const users = this.#dirty.get(room)
    if (users === undefined) this.#dirty.set(room, new Set([user]))
    else users.add(user)
    if (this.#isScheduled || this.#isStopped) return
    this.#isScheduled = true
    setImmediate(() => { void this.#flush() })
  }

  async #flush (): Promise<void> {
    while (this.#dirty.size > 0 && !this.#isStopped) {
      const holdings = this.#take()
      this.#isPutting = true
      try {
        await this.#presence.put(holdings)
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error
        for (const { room, user } of holdings) this.#mark(room, user)
        await this.#rest(RETRY_MS)
      } finally {
        this.#isPutting = false
      }
      if (this.#dirty.size > 0) continue
      const waiting = this.#waiting
      this.#waiting = []
      for (const run of waiting) run()
      await this.#rest(Math.min(MAX_REST_MS, REST_MS_PER_HOLDING * holdings.length))
    }
    this.#isScheduled = false
  }

  async #rest (restMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, restMs)
      this.#hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#hurry = () => {}
  }

  /** As many as fit into one command, as they are now. */
  #take (): Holding[] {
    const holdings: Holding[] = []
    for (const [room, users] of this.#dirty) {
      for (const user of users) {
        if (holdings.length === MAX_HOLDINGS) return holdings
        users.delete(user)
        const held = this.#rooms.get(room)?.get(user)
        holdings.push({ room, user, connections: held?.connections, info: held?.info })
      }
      this.#dirty.delete(room)
    }
    return holdings
  }
}
