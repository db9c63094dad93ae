import type { Cursor } from '../protocol/cursor.ts'
import type { Entry, GapReason, Signal } from '../protocol/entry.ts'
import type { RoomKind } from '../protocol/rooms.ts'
import { type Sent, sentEntry, signalFrame } from './frame.ts'
import type { Member } from './member.ts'
import { Ring, type RingBudget } from './ring.ts'

/**
 * A stretch of a room's log after a place. Where there is none, `gap` says why and `top` where to go on; of a
 * `latest` room the newest value follows a gap as its only entry.
 */
export interface Page {
  readonly entries: readonly Entry[]
  readonly gap?: GapReason | undefined
  readonly top: Cursor
}

/** Where members read on when the ring does not reach back to them. Rejects where the room was given up. */
export interface Backlog {
  after (place: Cursor): Promise<Page>
}

const RING_ENTRIES = 200
const RING_BYTES = 1_048_576
const NOWHERE: Cursor = { epoch: '', seq: 0, id: '' }

/** The members that one room has on this replica. One frame is built for all of them. */
export class Room {
  readonly name: string
  readonly kind: RoomKind
  readonly backlog: Backlog
  readonly #members = new Set<Member>()
  readonly #ring: Ring
  // Frames of pages that several members read at once are built once, too.
  readonly #sent = new WeakMap<Entry, Sent>()

  constructor (name: string, kind: RoomKind, backlog: Backlog, budget: RingBudget) {
    this.name = name
    this.kind = kind
    this.backlog = backlog
    // Of a `latest` room only the newest value counts.
    this.#ring = new Ring(NOWHERE, kind === 'latest' ? 1 : RING_ENTRIES, RING_BYTES, budget)
  }

  get size (): number {
    return this.#members.size
  }

  /** How far the room has got on this replica. */
  get top (): Cursor {
    return this.#ring.top
  }

  add (member: Member): void {
    this.#members.add(member)
  }

  remove (member: Member): void {
    this.#members.delete(member)
  }

  /** The room stands at this place now: members that are elsewhere read on, or get their gap. */
  reset (place: Cursor): void {
    this.#ring.restart(place)
    for (const member of this.#members) member.readOn()
  }

  /** The subscription was lost, and is live again: signals of the time between will not come. */
  restored (): void {
    for (const member of this.#members) member.loseEchoes()
  }

  /** The room is given up on this replica. */
  close (): void {
    this.#ring.restart(NOWHERE)
  }

  /** The next message of the room, in its order. */
  deliver (entry: Entry): void {
    const sent = sentEntry(this.name, entry)
    this.#ring.push(sent)
    for (const member of this.#members) member.offer(sent)
  }

  /** A message without a number. */
  signal (signal: Signal): void {
    const frame = signalFrame(this.name, signal)
    for (const member of this.#members) member.signal(frame, signal.except)
  }

  /** The frames after a place, if the ring holds them all (of a `latest` room: the newest, if it is newer). */
  recent (place: Cursor): readonly Sent[] | undefined {
    const after = this.#ring.after(place)
    if (after !== undefined || this.kind !== 'latest') return after
    const newest = this.#ring.newest
    return newest !== undefined && newest.epoch === place.epoch && newest.seq > place.seq ? [newest] : undefined
  }

  /** False where an entry with this number, but another id, was delivered here. */
  agrees (place: Cursor): boolean {
    return this.#ring.agrees(place)
  }

  sent (entry: Entry): Sent {
    let sent = this.#sent.get(entry)
    if (sent === undefined) this.#sent.set(entry, sent = sentEntry(this.name, entry))
    return sent
  }
}
