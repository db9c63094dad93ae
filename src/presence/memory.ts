import type { MemoryBus } from '../broker/memory.ts'
import type { PresentUser } from '../protocol/presence.ts'
import { byRoom, merge } from './holdings.ts'
import { type Holding, MAX_LISTED, type Members, type Presence, type RoomChange, type RoomMember, type RoomPage } from './presence.ts'

/** Whom one replica holds of a room. */
type Users = Map<string | undefined, Holding>

/** What replicas in one process share instead of Redis. */
export class PresenceTable {
  /** What each holds, by room. */
  readonly replicas = new Set<ReadonlyMap<string, Users>>()

  get rooms (): string[] {
    return [...new Set([...this.replicas].flatMap((rooms) => [...rooms.keys()]))]
  }

  /** Of each replica that holds somebody there, but for one of them. */
  usersIn (room: string, except?: ReadonlyMap<string, Users>): Users[] {
    const held: Users[] = []
    for (const rooms of this.replicas) {
      const users = rooms === except ? undefined : rooms.get(room)
      if (users !== undefined) held.push(users)
    }
    return held
  }
}

/** The embedded presence: a replica dies with its process, so that no lease is needed. */
export class MemoryPresence implements Presence {
  readonly #bus: MemoryBus
  readonly #table: PresenceTable
  readonly #record: (change: RoomChange) => void
  readonly #own = new Map<string, Users>()

  /** @param record of every change, for those who are told outside */
  constructor (bus: MemoryBus, table = new PresenceTable(), record: (change: RoomChange) => void = () => {}) {
    this.#bus = bus
    this.#table = table
    this.#record = record
    table.replicas.add(this.#own)
  }

  start (): void {}

  async put (holdings: readonly Holding[]): Promise<void> {
    for (const [room, changed] of byRoom(holdings)) {
      const joined: PresentUser[] = []
      const left: string[] = []
      const elsewhere = this.#table.usersIn(room, this.#own)
      const wasHere = this.#own.has(room)
      for (const holding of changed) {
        const { user, info, connections } = holding
        const [before, after] = [this.#own.get(room)?.has(user) === true, connections !== undefined]
        this.#set(room, holding, after)
        if (user === undefined || before === after || elsewhere.some((users) => users.has(user))) continue
        if (after) joined.push({ user, info })
        else left.push(user)
      }
      const count = this.#count(room)
      this.#tell(room, joined, left, count)
      const isHere = this.#own.has(room)
      const isAlone = elsewhere.length === 0
      const [occupied, vacated] = [isAlone && !wasHere && isHere, isAlone && wasHere && !isHere]
      this.#record({ room, occupied, vacated, joined, left, count })
    }
  }

  #set (room: string, holding: Holding, isHeld: boolean): void {
    const users: Users = this.#own.get(room) ?? new Map()
    if (isHeld) users.set(holding.user, holding)
    else users.delete(holding.user)
    if (users.size > 0) this.#own.set(room, users)
    else this.#own.delete(room)
  }

  #tell (room: string, joined: readonly PresentUser[], left: readonly string[], count: number): void {
    if (joined.length + left.length === 0) return
    this.#bus.publish(room, { kind: 'presence', change: { joined, left, count, timestampMs: Date.now() } })
  }

  /** Without a list of them, which a large room would make for each who comes. */
  #count (room: string): number {
    const held = this.#table.usersIn(room)
    const users = held.length === 1 ? held[0]! : new Map(held.flatMap((some) => [...some]))
    return users.size - Number(users.has(undefined))
  }

  #membersOf (room: string): RoomMember[] {
    return merge(this.#table.usersIn(room).flatMap((users) => [...users.values()]))
  }

  async members (room: string): Promise<Members> {
    const members = this.#membersOf(room)
    return { count: members.length, members: members.slice(0, MAX_LISTED) }
  }

  async rooms (after: string, limit: number): Promise<RoomPage> {
    const names = this.#table.rooms.filter((room) => room > after).sort()
    const rooms = names.slice(0, limit).map((room) => {
      return { room, members: this.#count(room) || this.#connectionsIn(room) }
    })
    return { rooms, more: names.length > limit }
  }

  #connectionsIn (room: string): number {
    return this.#table.usersIn(room).reduce((sum, users) => sum + (users.get(undefined)?.connections ?? 0), 0)
  }

  async stop (): Promise<void> {
    for (const [room, users] of [...this.#own]) {
      await this.put([...users.keys()].map((user) => ({ room, user, connections: undefined })))
    }
    this.#table.replicas.delete(this.#own)
  }
}
