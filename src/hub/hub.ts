import type { RoomKind } from '../protocol/rooms.ts'
import { DeliveryCounts } from './delivery-counts.ts'
import { Flusher } from './flusher.ts'
import { type LogLimits, RingBudget } from './ring.ts'
import { type Backlog, Room, type RoomsShare } from './room.ts'
import { Turnaround } from './turnaround.ts'

/** What all rooms of a replica may keep in memory for those who join or read on. */
const RINGS_BYTES = 67_108_864

/** The rooms of this replica, by name. A Map: names of rooms come from clients. */
export class Hub {
  readonly counts: DeliveryCounts
  readonly #rooms = new Map<string, Room>()
  readonly #share: RoomsShare

  /** @param flusher writes what is queued for members */
  constructor (flusher = new Flusher()) {
    this.counts = new DeliveryCounts(new Turnaround(flusher))
    this.#share = { budget: new RingBudget(RINGS_BYTES), counts: this.counts, flusher }
  }

  /** @throws where the room is open already: two rooms of one name would each have half the members */
  open (name: string, kind: RoomKind, backlog: Backlog, limits: LogLimits): Room {
    if (this.#rooms.has(name)) throw new Error(`room ${name} is open already`)
    const room = new Room(name, kind, backlog, limits, this.#share)
    this.#rooms.set(name, room)
    return room
  }

  get (name: string): Room | undefined {
    return this.#rooms.get(name)
  }

  close (name: string): void {
    this.#rooms.get(name)?.close()
    this.#rooms.delete(name)
  }

  get size (): number {
    return this.#rooms.size
  }

  /** Of all rooms together: a connection counts in each of its own, `$all` among them. */
  get members (): number {
    let members = 0
    for (const room of this.#rooms.values()) members += room.size
    return members
  }

  /** What is kept in memory of all rooms' pasts. */
  get ringBytes (): number {
    return this.#share.budget.bytes
  }
}
