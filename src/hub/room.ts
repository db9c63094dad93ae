import type { Cursor } from '../protocol/cursor.ts'
import type { Entry, GapReason, Signal } from '../protocol/entry.ts'
import type { RoomKind } from '../protocol/rooms.ts'
import { Batch } from './batch.ts'
import type { DeliveryCounts } from './delivery-counts.ts'
import type { Flusher, FlushListener } from './flusher.ts'
import { type Frame, type Sent, sentEntry, signalFrame } from './frame.ts'
import type { Member } from './member.ts'
import { type LogLimits, Ring, type RingBudget } from './ring.ts'

/**
 * A stretch of a room's log after a place. Where there is none, `gap` says why and `top` where to go on; of a
 * `latest` room the newest value follows a gap as its only entry.
 */
export interface Page {
  readonly entries: readonly Entry[]
  readonly gap?: GapReason | undefined
  readonly top: Cursor
  /** When it was read: milliseconds since 1970, by Redis's clock. */
  readonly nowMs: number
}

/** The newest entries of a room's log, oldest first, and where it stands. */
export interface Newest {
  readonly top: Cursor
  readonly entries: readonly Entry[]
}

/** A room's log, as its members and those who join ask for it. Everyone who asks for the same shares one read. */
export interface Backlog {
  /** What follows a place. Goes on trying for as long as it takes; rejects where the room was given up. */
  after (place: Cursor): Promise<Page>
  /** Where the log stands, read after this was called. Rejects with BrokerError. */
  top (): Promise<Cursor>
  /** What follows a place, read after the log stood at `top`. Rejects with BrokerError. */
  page (place: Cursor, top: Cursor): Promise<Page>
  /** The newest entries, read after the log stood at `top`. Rejects with BrokerError. */
  newest (count: number, top: Cursor): Promise<Newest>
}

/** What all rooms of a replica have in common. */
export interface RoomsShare {
  readonly budget: RingBudget
  readonly counts: DeliveryCounts
  readonly flusher: Flusher
}

const RING_BYTES = 1_048_576
const NOWHERE: Cursor = { epoch: '', seq: 0, id: '' }

/** The members that one room has on this replica. One frame is built for all of them. */
export class Room implements FlushListener {
  readonly name: string
  readonly kind: RoomKind
  readonly backlog: Backlog
  readonly counts: DeliveryCounts
  readonly #members = new Set<Member>()
  readonly #ring: Ring
  readonly #flusher: Flusher
  // The frames of this turn.
  #batch: Batch | undefined
  // These are made when they are needed: most rooms are small and quiet, and there are many.
  #arrivals: Set<() => void> | undefined
  // Frames of pages that several members read at once are built once, too.
  #sent: WeakMap<Entry, Sent> | undefined

  constructor (
    name: string, kind: RoomKind, backlog: Backlog, limits: LogLimits, { budget, counts, flusher }: RoomsShare
  ) {
    this.name = name
    this.kind = kind
    this.backlog = backlog
    this.counts = counts
    this.#flusher = flusher
    this.#ring = new Ring(NOWHERE, limits, RING_BYTES, budget)
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
    this.#arrived()
  }

  /** What is kept here of the past may be another log's: the log itself is asked. */
  forget (): void {
    this.#ring.restart(this.top)
  }

  /** The subscription was lost, and is live again: signals of the time between will not come. */
  restored (): void {
    for (const member of this.#members) member.loseSignals()
  }

  /** The room is given up on this replica. */
  close (): void {
    this.#ring.restart(NOWHERE)
  }

  /**
   * The next message of the room, in its order.
   * @param ageMs how long ago it was stored
   */
  deliver (entry: Entry, ageMs = 0): void {
    const sent = sentEntry(this.name, entry)
    this.#ring.push(sent, ageMs)
    const batch = this.#collect(sent.frame)
    const index = batch.length - 1
    for (const member of this.#members) member.offer(sent, batch, index)
    this.#offered(index)
    this.counts.turnaround.heard(entry.id)
    this.#arrived()
  }

  /** Resolves when this replica has got as far as a place of the log, or after so long. */
  async reach (place: Cursor, patienceMs: number): Promise<void> {
    const isThere = (): boolean => this.top.epoch === place.epoch && this.top.seq >= place.seq
    if (isThere()) return
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        this.#arrivals!.delete(check)
        resolve()
      }
      const check = (): void => { if (isThere()) end() }
      const timer = setTimeout(end, patienceMs)
      this.#arrivals ??= new Set()
      this.#arrivals.add(check)
    })
  }

  /** A message without a number. */
  signal (signal: Signal): void {
    const frame = signalFrame(this.name, signal)
    const batch = this.#collect(frame)
    const index = batch.length - 1
    for (const member of this.#members) member.signal(batch, index, frame.length, signal.except)
    this.#offered(index)
  }

  /**
   * Something about the room that is not of its log, to every member but those of one user.
   * @param frameOf makes the frame; not called where there is nobody to tell
   */
  tell (frameOf: () => Frame, exceptUser?: string): void {
    const told = [...this.#members].filter((member) => member.mayBeTold(exceptUser))
    if (told.length === 0) return
    const frame = frameOf()
    const batch = this.#collect(frame)
    const index = batch.length - 1
    for (const member of told) member.tell(batch, index, frame.length)
    if (index === 0) this.#flusher.afterFlush(this)
  }

  /** The frames after a place, if the ring holds them all (of a `latest` room: the newest, if it is newer). */
  recent (place: Cursor): readonly Sent[] | undefined {
    const after = this.#ring.after(place)
    if (after !== undefined || this.kind !== 'latest') return after
    const newest = this.#ring.newest
    return newest !== undefined && newest.epoch === place.epoch && newest.seq > place.seq ? [newest] : undefined
  }

  /**
   * The frames after a place up to another of the log, if the ring holds them all (of a `latest` room: the other's,
   * if it is newer).
   */
  between (place: Cursor, upTo: Cursor): readonly Sent[] | undefined {
    if (place.epoch !== upTo.epoch || place.seq > upTo.seq || !this.#ring.has(upTo)) return undefined
    if (this.kind === 'latest' && place.seq < upTo.seq) return this.#ring.last(1, upTo)
    return this.#ring.after(place)?.slice(0, upTo.seq - place.seq)
  }

  /** The newest frames up to a place of the log, if the ring holds them all. */
  newest (count: number, upTo: Cursor): readonly Sent[] | undefined {
    return this.#ring.last(count, upTo)
  }

  /** True where the frame of this very entry is here, or of the one after it. */
  has (place: Cursor): boolean {
    return this.#ring.has(place)
  }

  /** False where an entry with this number, but another id, was delivered here. */
  agrees (place: Cursor): boolean {
    return this.#ring.agrees(place)
  }

  /** What was read of the past, for whoever asks next. */
  remember ({ entries, nowMs }: Page): void {
    if (this.kind === 'log') this.#ring.prepend(entries.map((entry) => this.sent(entry)), nowMs)
  }

  sent (entry: Entry): Sent {
    this.#sent ??= new WeakMap()
    let sent = this.#sent.get(entry)
    if (sent === undefined) this.#sent.set(entry, sent = sentEntry(this.name, entry))
    return sent
  }

  /** The frames of this turn have been written. */
  onFlushed (): void {
    this.#batch = undefined
  }

  /** With the other frames of this turn. */
  #collect (frame: Frame): Batch {
    if (this.#batch?.isOpen !== true) this.#batch = new Batch()
    this.#batch.add(frame)
    return this.#batch
  }

  /** Once they are written nobody needs them: many rooms are quiet for long. */
  #offered (index: number): void {
    if (index === 0) this.#flusher.afterFlush(this)
    this.counts.messages++
  }

  #arrived (): void {
    if (this.#arrivals !== undefined) for (const check of [...this.#arrivals]) check()
  }
}
