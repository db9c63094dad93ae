import type { MemoryBus } from '../broker/memory.ts'
import type { PresentUser } from '../protocol/presence.ts'
import { byRoom, merge } from './holdings.ts'
import { type Holding, MAX_LISTED, type Members, type Presence, type RoomChange, type RoomMember, type RoomPage } from './presence.ts'

/** What each replica holds of a room, by user. */
type Held = Map<MemoryPresence, Map<string | undefined, Holding>>

/** What replicas in one process share instead of Redis. */
export class PresenceTable {
  readonly rooms = new Map<string, Held>()
}

/** The embedded presence: a replica dies with its process, so that no lease is needed. */
export class MemoryPresence implements Presence {
  readonly #bus: MemoryBus
  readonly #table: PresenceTable
  readonly #record: (change: RoomChange) => void

  /** @param record of every change, for those who are told outside */
  constructor (bus: MemoryBus, table = new PresenceTable(), record: (change: RoomChange) => void = () => {}) {
    this.#bus = bus
    this.#table = table
    this.#record = record
  }

  start (): void {}

  async put (holdings: readonly Holding[]): Promise<void> {
    for (const [room, changed] of byRoom(holdings)) {
      const joined: PresentUser[] = []
      const left: string[] = []
      const wasOccupied = this.#table.rooms.has(room)
      for (const holding of changed) {
        const { user, info, connections } = holding
        const before = user !== undefined && this.#has(room, user)
        this.#set(room, holding, connections !== undefined)
        const after = user !== undefined && this.#has(room, user)
        if (after && !before) joined.push({ user, info })
        else if (before && !after) left.push(user)
      }
      this.#tell(room, joined, left)
      const isOccupied = this.#table.rooms.has(room)
      const [occupied, vacated] = [!wasOccupied && isOccupied, wasOccupied && !isOccupied]
      this.#record({ room, occupied, vacated, joined, left, count: this.#count(room) })
    }
  }

  #set (room: string, holding: Holding, isHeld: boolean): void {
    const held: Held = this.#table.rooms.get(room) ?? new Map()
    const own = held.get(this) ?? new Map<string | undefined, Holding>()
    if (isHeld) own.set(holding.user, holding)
    else own.delete(holding.user)
    if (own.size > 0) held.set(this, own)
    else held.delete(this)
    if (held.size > 0) this.#table.rooms.set(room, held)
    else this.#table.rooms.delete(room)
  }

  #has (room: string, user: string): boolean {
    return [...this.#table.rooms.get(room)?.values() ?? []].some((users) => users.has(user))
  }

  #tell (room: string, joined: readonly PresentUser[], left: readonly string[]): void {
    if (joined.length + left.length === 0) return
    const count = this.#count(room)
    this.#bus.publish(room, { kind: 'presence', change: { joined, left, count, timestampMs: Date.now() } })
  }

  /** Without a list of them, which a large room would make for each who comes. */
  #count (room: string): number {
    const held = [...this.#table.rooms.get(room)?.values() ?? []]
    const users = held.length === 1 ? held[0]! : new Map(held.flatMap((some) => [...some]))
    return users.size - Number(users.has(undefined))
  }

  #membersOf (room: string): RoomMember[] {
    return merge([...this.#table.rooms.get(room)?.values() ?? []].flatMap((users) => [...users.values()]))
  }

  async members (room: string): Promise<Members> {
    const members = this.#membersOf(room)
    return { count: members.length, members: members.slice(0, MAX_LISTED) }
  }

  async rooms (after: string, limit: number): Promise<RoomPage> {
    const names = [...this.#table.rooms.keys()].filter((room) => room > after).sort()
    const rooms = names.slice(0, limit).map((room) => {
      return { room, members: this.#count(room) || this.#connectionsIn(room) }
    })
    return { rooms, more: names.length > limit }
  }

  #connectionsIn (room: string): number {
    const held = [...this.#table.rooms.get(room)!.values()]
    return held.reduce((sum, users) => sum + (users.get(undefined)?.connections ?? 0), 0)
  }

  async stop (): Promise<void> {
    for (const [room, held] of [...this.#table.rooms]) {
      const users = [...held.get(this)?.keys() ?? []]
      await this.put(users.map((user) => ({ room, user, connections: undefined })))
    }
  }
}
