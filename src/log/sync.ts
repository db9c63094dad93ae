import type { Followed } from '../broker/interest.ts'
import type { Cursor } from '../protocol/cursor.ts'
import type { Entry, Envelope, Signal } from '../protocol/entry.ts'
import type { Log, Stretch } from './log.ts'
import { SyncCounts } from './sync-counts.ts'

/** The room on this replica, as far as its log is concerned. hub/room.ts is one. */
export interface SyncedRoom {
  readonly name: string
  readonly top: Cursor
  /** @param ageMs how long ago it was stored, where it was read from the log */
  deliver (entry: Entry, ageMs?: number): void
  signal (signal: Signal): void
  reset (place: Cursor): void
  /** What is kept here of the past may be another log's: nobody may read on out of it. */
  forget (): void
  /** True where this very entry is still kept here. */
  has (place: Cursor): boolean
  /** False where an entry with this number, but another id, was delivered here. */
  agrees (place: Cursor): boolean
}

/** As much of log/shared-reads.ts as is asked for here. */
export interface Reads {
  afterNow (place: Cursor): Promise<Stretch>
  top (): Promise<Cursor>
  stop (): void
}

const MAX_HELD = 1_000
const MAX_HELD_BYTES = 1_048_576
// What Redis has told a reader is on its way here, too: only after so long it counts as missed.
const OVERDUE_MS = 250

/**
 * Keeps one room of this replica in step with its log. Every live entry must follow the one before it, by
 * number and by id: next in line is delivered, seen before is dropped, and at a hole (a lost subscription, a
 * lost or forked log) the log is read once for the whole room. What comes meanwhile is held, within a bound.
 */
export class RoomSync implements Followed {
  readonly #log: Pick<Log, 'open'>
  readonly #reads: Reads
  readonly #room: SyncedRoom
  readonly #latestOnly: boolean
  readonly #counts: SyncCounts
  #state: 'syncing' | 'live' | 'stopped' = 'syncing'
  #held: Entry[] = []
  #heldBytes = 0
  // More came than can be held, or something was missed: what is being read may be of before that.
  #again = false
  #expected: Cursor | undefined
  #overdue: NodeJS.Timeout | undefined

  constructor (
    log: Pick<Log, 'open'>, reads: Reads, room: SyncedRoom, latestOnly: boolean, counts = new SyncCounts()
  ) {
    this.#log = log
    this.#reads = reads
    this.#room = room
    this.#latestOnly = latestOnly
    this.#counts = counts
  }

  get name (): string {
    return this.#room.name
  }

  async start (): Promise<void> {
    const { top } = await this.#log.open(this.#room.name, 0, 0)
    if (this.#state === 'stopped') return
    this.#room.reset(top)
    if (this.#again) await this.#catchUp()
    else this.#goLive()
  }

  receive (envelope: Envelope): void {
    if (envelope.kind === 'signal') this.#room.signal(envelope.signal)
    else if (envelope.kind === 'entry' && this.#state === 'syncing') this.#hold(envelope.entry)
    else if (envelope.kind === 'entry' && this.#state === 'live') this.#follow(envelope.entry)
  }

  async restore (): Promise<void> {
    if (this.#state === 'live') await this.#repair()
    else this.#again = true
  }

  /** Where the log stands, read after this was called; where the room turns out to be elsewhere, it reads on. */
  async top (): Promise<Cursor> {
    const before = this.#room.top
    const top = await this.#reads.top()
    if (this.#isBeside(before, top)) this.#moveTo(top)
    else if (this.#isBehind(top)) this.#expect(top)
    return top
  }

  /** The room's place, for `compare`; undefined while it is not live. */
  get place (): Cursor | undefined {
    return this.#state === 'live' ? this.#room.top : undefined
  }

  /** A quiet room's log was read, after the room stood at this place: is that all? */
  compare (before: Cursor, top: Cursor | undefined): void {
    if (top !== undefined && this.#isBeside(before, top)) this.#moveTo(top)
    else if (top === undefined || this.#isBehind(top)) void this.#repair()
  }

  stop (): void {
    this.#state = 'stopped'
    this.#held = []
    clearTimeout(this.#overdue)
    this.#reads.stop()
  }

  /** The log is not the one that this room followed: another epoch, another entry of this number, or it went back. */
  #isBeside (before: Cursor, top: Cursor): boolean {
    return top.epoch !== this.#room.top.epoch || top.seq < before.seq || !this.#room.agrees(top)
  }

  /** At once, so that nobody reads on out of what was kept of the other log: members ask the log from their places. */
  #moveTo (top: Cursor): void {
    if (this.#state === 'live') this.#room.reset(top)
    else this.#room.forget()
  }

  #isBehind (top: Cursor): boolean {
    return top.seq > this.#room.top.seq
  }

  #expect (top: Cursor): void {
    this.#expected = top
    this.#overdue ??= setTimeout(() => {
      this.#overdue = undefined
      if (this.#isBehind(this.#expected!)) void this.#repair()
    }, OVERDUE_MS)
  }

  #hold (entry: Entry): void {
    this.#heldBytes += entry.content.length
    if (this.#held.push(entry) <= MAX_HELD && this.#heldBytes <= MAX_HELD_BYTES) return
    this.#letGo()
    this.#again = true
  }

  #letGo (): readonly Entry[] {
    const held = this.#held
    this.#held = []
    this.#heldBytes = 0
    return held
  }

  #goLive (): void {
    this.#state = 'live'
    for (const entry of this.#letGo()) {
      // Most of it was read from the log already.
      if (this.#isPast(entry) && this.#room.agrees(entry)) continue
      this.receive({ kind: 'entry', entry })
    }
  }

  #follow (entry: Entry): void {
    const top = this.#room.top
    const isNext = entry.epoch === top.epoch &&
      (this.#latestOnly ? entry.seq > top.seq : entry.seq === top.seq + 1 && entry.prev === top.id)
    if (isNext) this.#room.deliver(entry)
    else if (!this.#isLateCopy(entry)) {
      if (!this.#isBehind(entry) || entry.epoch !== top.epoch || entry.seq === top.seq + 1) this.#room.forget()
      void this.#repair()
    }
  }

  /** Of what was read from the log already. A number that is long past is none: then the log went back. */
  #isLateCopy (entry: Entry): boolean {
    return this.#isPast(entry) && this.#room.has(entry)
  }

  #isPast (entry: Entry): boolean {
    return entry.epoch === this.#room.top.epoch && entry.seq <= this.#room.top.seq
  }

  /** Reads on from where the room stands to the log's top; then what was held goes on from there. */
  async #repair (): Promise<void> {
    if (this.#state !== 'live') return
    this.#counts.repairs++
    this.#state = 'syncing'
    await this.#catchUp()
  }

  async #catchUp (): Promise<void> {
    do {
      this.#again = false
      await this.#readOn()
      if (this.#state !== 'syncing') return
    } while (this.#again)
    this.#goLive()
  }

  async #readOn (): Promise<void> {
    for (;;) {
      const stretch = await this.#reads.afterNow(this.#room.top).catch((error: unknown) => {
        if (this.#state === 'stopped') return undefined
        throw error
      })
      if (stretch === undefined || this.#state !== 'syncing') return
      if (stretch.gap !== undefined) return this.#room.reset(stretch.top)
      for (const entry of stretch.entries) this.#room.deliver(entry, stretch.nowMs - entry.timestampMs)
      if (stretch.entries.length === 0 || this.#room.top.seq >= stretch.top.seq) return
    }
  }
}
