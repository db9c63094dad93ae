import { setImmediate as nextTurn } from 'node:timers/promises'
import { Lingering } from '../broker/lingering.ts'
import { BrokerError } from '../protocol/codes.ts'
import { PacedReads } from './paced-reads.ts'
import { described, type Holding, type Presence, type RoomPage } from './presence.ts'

interface Held {
  connections: number
  info: string | undefined
}

/** A user of a room, in whose place undefined stands where users are not told of. */
export interface Attendee {
  readonly user: string | undefined
  readonly info?: string | undefined
}

/** Who is in a room, as everyone is told who asked at the same time. */
interface MembersText {
  readonly count: number
  /** JSON text of a list. */
  readonly list: string
}

// What no name of a room has.
const LINE = '\n'
// More would hold up whoever else waits for this loop, or for Redis.
const MAX_HOLDINGS = 128
// The more there is to tell, the longer the next time may be away, up to what a merged frame waits for, too.
const REST_MS_PER_HOLDING = 10
const MAX_REST_MS = 250
const RETRY_MS = 500
const SETTLE_MS = 1_000
// Five thousand are read, and written as JSON, in some 10 ms: those who ask for them may have a tenth of the time.
const READ_REST_MS_PER_USER = 0.02

/**
 * Who is in which room on this replica. What changes within one turn of the event loop is put with one command, and
 * what changes soon after that with the next, so that a crowd costs few; where Redis is away it is put when it is back.
 */
export class LocalPresence {
  readonly #presence: Presence
  readonly #graceMs: number
  // By room and user: rooms of one user are many, and a map for each would weigh more than all that is in it.
  readonly #held = new Map<string, Held>()
  // What has to be put.
  #dirty = new Set<string>()
  // Those that may come back.
  readonly #cutOff: Lingering
  #isScheduled = false
  #isStopped = false
  // Ends the rest before its time.
  #hurry: () => void = () => {}
  #waiting: Array<() => void> = []
  readonly #reads = new PacedReads<MembersText>(
    (room) => this.#readMembers(room), ({ count }) => READ_REST_MS_PER_USER * count
  )

  /** @param graceMs in which a user whose last connection broke may come back, and nobody is told */
  constructor (presence: Presence, graceMs: number) {
    this.#presence = presence
    this.#graceMs = graceMs
    this.#cutOff = new Lingering(graceMs, (name) => this.#giveUp(name))
  }

  start (): void {
    this.#presence.start(() => this.#putAll(), (stored) => this.#putGone(stored))
  }

  /** One more connection of a user is in the room. */
  enter (room: string, { user, info }: Attendee): void {
    const name = nameOf(room, user)
    let held = this.#held.get(name)
    if (held === undefined) {
      held = { connections: 0, info }
      this.#held.set(name, held)
    } else if (held.connections === 0) this.#cutOff.takeUp(name)
    held.connections++
    held.info = info
    this.#mark(name)
  }

  /** One less. @param isDropped it broke, and was not asked to end: the user may come back */
  leave (room: string, user: string | undefined, isDropped: boolean): void {
    const name = nameOf(room, user)
    const held = this.#held.get(name)
    if (held === undefined) return
    held.connections--
    if (held.connections === 0) {
      if (isDropped && user !== undefined && this.#graceMs > 0 && !this.#isStopped) this.#cutOff.leave(name)
      else this.#held.delete(name)
    }
    this.#mark(name)
  }

  /** How many users of rooms this replica holds, those left out of whom nobody is told. */
  get size (): number {
    let size = 0
    for (const name of this.#held.keys()) if (name.includes(LINE)) size++
    return size
  }

  /** Over all replicas, with what has changed here until now. Rejects with BrokerError. */
  async members (room: string): Promise<MembersText> {
    return await this.#reads.get(room)
  }

  async #readMembers (room: string): Promise<MembersText> {
    await this.#settled()
    const { count, members } = await this.#presence.members(room)
    return { count, list: JSON.stringify(members.map(described)) }
  }

  /** Rooms with members, over all replicas. Rejects with BrokerError. */
  async rooms (after: string, limit: number): Promise<RoomPage> {
    await this.#settled()
    return await this.#presence.rooms(after, limit)
  }

  /** Resolves when all that has changed here can be seen by everyone, or cannot be put now; or after a second. */
  async #settled (): Promise<void> {
    if (!this.#isScheduled) return
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
    this.#cutOff.stop()
    this.#hurry()
    await this.#presence.stop(this.#graceMs)
  }

  /** Who was cut off has not come back. */
  #giveUp (name: string): void {
    this.#held.delete(name)
    this.#mark(name)
  }

  #putAll (): void {
    for (const name of this.#held.keys()) this.#mark(name)
  }

  /** What is stored, and is not here: a Redis that fails over, or starts again, may be as it was some time ago. */
  #putGone (stored: ReadonlyArray<Pick<Holding, 'room' | 'user'>>): void {
    for (const { room, user } of stored) {
      const name = nameOf(room, user)
      if (!this.#held.has(name)) this.#mark(name)
    }
  }

  #mark (name: string): void {
    this.#dirty.add(name)
    if (this.#isScheduled || this.#isStopped) return
    this.#isScheduled = true
    setImmediate(() => { void this.#flush() })
  }

  async #flush (): Promise<void> {
    while (this.#dirty.size > 0 && !this.#isStopped) {
      // They are owed what had changed when they asked, which is taken now: others change something all the time.
      const waiting = this.#waiting
      this.#waiting = []
      const taken = this.#take()
      const left = await this.#putSome(taken)
      for (const name of left) this.#dirty.add(name)
      for (const goOn of waiting) goOn()
      // Who has asked meanwhile is owed the next.
      if (left.length === 0 && this.#dirty.size > 0 && this.#waiting.length > 0) continue
      this.#letGo()
      await this.#rest(left.length > 0 ? RETRY_MS : Math.min(MAX_REST_MS, REST_MS_PER_HOLDING * taken.length))
    }
    this.#isScheduled = false
    this.#letGo()
  }

  /** As many with each command as it may take. Those that could not be put are returned. */
  async #putSome (names: readonly string[]): Promise<readonly string[]> {
    for (let at = 0; at < names.length; at += MAX_HOLDINGS) {
      if (at > 0) await nextTurn()
      if (this.#isStopped) break
      try {
        await this.#presence.put(names.slice(at, at + MAX_HOLDINGS).map((name) => this.#holdingOf(name)))
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error
        return names.slice(at)
      }
    }
    return []
  }

  /** Whoever waits goes on. */
  #letGo (): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const run of waiting) run()
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

  /** All that has changed, room by room: a room is told of it once, and not once for each command. */
  #take (): string[] {
    const taken = [...this.#dirty]
    this.#dirty = new Set()
    return taken.length > MAX_HOLDINGS ? taken.sort() : taken
  }

  /** As it is now. */
  #holdingOf (name: string): Holding {
    const held = this.#held.get(name)
    const end = name.indexOf(LINE)
    return {
      room: end < 0 ? name : name.slice(0, end),
      user: end < 0 ? undefined : name.slice(end + 1),
      connections: held?.connections,
      info: held?.info
    }
  }
}

function nameOf (room: string, user: string | undefined): string {
  return user === undefined ? room : room + LINE + user
}
