import { digestOf } from '../broker/digest.ts'
import type { MemoryBus } from '../broker/memory.ts'
import { BrokerError } from '../protocol/codes.ts'
import { type Cursor, sameCursor } from '../protocol/cursor.ts'
import type { Draft, Entry, GapReason } from '../protocol/entry.ts'
import { newEntryId, newEpoch } from './ids.ts'
import {
  type History, type Log, META_TTL_MS, PAGE_BYTES, PAGE_ENTRIES, type Receipt, type Retention, type Snapshot,
  type Stretch
} from './log.ts'

/** All there is of a room. */
export interface RoomLog { top: Cursor, timestampMs: number, touchedMs: number, entries: Entry[] }

const SWEEP_MS = 60_000
// To look through all rooms takes a while.
const FORGET_MS = 1_000
/** What all rooms keep together. Redis, too, refuses what its memory does not hold. */
const MAX_BYTES = 268_435_456
// What an entry weighs besides its content.
const ENTRY_BYTES = 300
// What a room weighs without any: whoever joins one makes it.
const ROOM_BYTES = 500

/** The embedded log: the same promises as Redis's, for as long as the process lives. */
export class MemoryLog implements Log {
  readonly #bus: MemoryBus
  readonly #retentionOf: (room: string) => Retention
  readonly #rooms: Map<string, RoomLog>
  readonly #maxBytes: number
  #bytes = 0
  #forgotMs = -Infinity
  readonly #sweep = setInterval(() => this.#forget(), SWEEP_MS).unref()

  /** @param rooms by name; who hands them in can lose and rewind them, as a failover does */
  constructor (
    bus: MemoryBus, retentionOf: (room: string) => Retention, rooms: Map<string, RoomLog> = new Map<string, RoomLog>(),
    maxBytes = MAX_BYTES
  ) {
    this.#bus = bus
    this.#retentionOf = retentionOf
    this.#rooms = rooms
    this.#maxBytes = maxBytes
  }

  async append (room: string, draft: Draft): Promise<Receipt | 'key_reused'> {
    this.#refuseIfFull()
    const { key } = draft
    if (key === undefined) return { cursor: this.store(room, draft), duplicate: false }
    const digest = digestOf('entry', draft.sent ?? draft.content)
    const seen = this.#bus.dedupe.find<Cursor>(room, key, digest)
    if (seen !== undefined) return seen === 'key_reused' ? seen : { cursor: seen.result, duplicate: true }
    const cursor = this.store(room, draft)
    this.#bus.dedupe.remember(room, key, digest, cursor)
    return { cursor, duplicate: false }
  }

  /** Numbers, keeps and publishes, within one turn of the loop: position/memory.ts moves the car with it. */
  store (room: string, draft: Draft): Cursor {
    const log = this.#room(room)
    // The clock may be set back; a room's time never goes back.
    log.timestampMs = Math.max(log.timestampMs, Date.now())
    const entry: Entry = {
      epoch: log.top.epoch,
      seq: log.top.seq + 1,
      id: draft.id ?? newEntryId(),
      prev: log.top.id,
      timestampMs: log.timestampMs,
      from: draft.from,
      content: Buffer.from(draft.content),
      except: draft.except
    }
    log.top = { epoch: entry.epoch, seq: entry.seq, id: entry.id }
    log.entries.push(entry)
    this.#bytes += weightOf(entry)
    if (log.entries.length > this.#retentionOf(room).maxEntries) this.#bytes -= weightOf(log.entries.shift()!)
    this.#bus.publish(room, { kind: 'entry', entry })
    return log.top
  }

  async open (room: string, newest: number, maxBytes: number): Promise<Snapshot> {
    const { top, timestampMs } = this.#room(room)
    return { top, timestampMs, entries: lastWithin(this.#kept(room), newest, maxBytes) }
  }

  async tops (rooms: readonly string[]): Promise<ReadonlyArray<Cursor | undefined>> {
    return rooms.map((room) => this.#rooms.get(room)?.top)
  }

  async after (room: string, place: Cursor): Promise<Stretch> {
    const { top } = this.#room(room)
    const kept = this.#kept(room)
    const { latestOnly } = this.#retentionOf(room)
    const entries = latestOnly ? kept : kept.filter((entry) => entry.seq > place.seq)
    const gap = gapBetween(place, top, latestOnly, kept)
    const nowMs = Date.now()
    if (gap !== undefined) return { gap, top, nowMs, entries: latestOnly ? kept : [] }
    return { top, nowMs, entries: place.seq === top.seq ? [] : firstWithin(entries, PAGE_ENTRIES, PAGE_BYTES) }
  }

  async before (room: string, seq: number | undefined, limit: number, maxBytes: number): Promise<History> {
    const kept = this.#rooms.has(room) ? this.#kept(room) : []
    const older = seq === undefined ? kept : kept.filter((entry) => entry.seq < seq)
    const entries = lastWithin(older, limit, maxBytes)
    return { entries, more: entries.length < older.length }
  }

  async stop (): Promise<void> {
    clearInterval(this.#sweep)
  }

  #room (name: string): RoomLog {
    let room = this.#rooms.get(name)
    if (room === undefined) {
      this.#refuseIfFull()
      this.#bytes += ROOM_BYTES
      const epoch = newEpoch()
      room = { top: { epoch, seq: 0, id: epoch }, timestampMs: Date.now(), touchedMs: 0, entries: [] }
      this.#rooms.set(name, room)
    }
    room.touchedMs = performance.now()
    return room
  }

  /** A room's entries that are not too old; the others are let go of. */
  #kept (room: string): readonly Entry[] {
    const log = this.#room(room)
    this.#letGo(log, this.#retentionOf(room).maxAgeMs)
    return log.entries
  }

  #letGo (log: RoomLog, maxAgeMs: number): void {
    const oldestMs = maxAgeMs > 0 ? Date.now() - maxAgeMs : -Infinity
    const young = log.entries.findIndex((entry) => entry.timestampMs >= oldestMs)
    for (const entry of log.entries.splice(0, young < 0 ? log.entries.length : young)) this.#bytes -= weightOf(entry)
  }

  #refuseIfFull (): void {
    if (this.#isFull()) throw new BrokerError('unavailable', { isRefused: true, cause: new Error('the embedded log is full') })
  }

  /** What is too old in rooms that nobody asks for is let go of first. */
  #isFull (): boolean {
    if (this.#bytes < this.#maxBytes) return false
    if (performance.now() - this.#forgotMs > FORGET_MS) this.#forget()
    return this.#bytes >= this.#maxBytes
  }

  #forget (): void {
    this.#forgotMs = performance.now()
    const oldestMs = this.#forgotMs - META_TTL_MS
    for (const [name, room] of this.#rooms) {
      const { maxAgeMs } = this.#retentionOf(name)
      this.#letGo(room, maxAgeMs)
      if (room.touchedMs >= oldestMs || (maxAgeMs === 0 && room.entries.length > 0)) continue
      for (const entry of room.entries) this.#bytes -= weightOf(entry)
      this.#bytes -= ROOM_BYTES
      this.#rooms.delete(name)
    }
  }
}

function weightOf ({ content }: Entry): number {
  return content.length + ENTRY_BYTES
}

/** Why what follows a place cannot be told, in the order of redis/scripts.ts. */
function gapBetween (
  place: Cursor, top: Cursor, latestOnly: boolean, kept: readonly Entry[]
): GapReason | undefined {
  if (place.epoch !== top.epoch) return 'epoch'
  if (place.seq > top.seq) return 'ahead'
  if (place.seq === top.seq) return place.id === top.id ? undefined : 'fork'
  if (latestOnly) return undefined
  const at = kept.find((entry) => entry.seq >= place.seq)
  if (at === undefined || at.seq > place.seq + 1) return 'trimmed'
  if (at.seq === place.seq) return sameCursor(at, place) ? undefined : 'fork'
  return at.prev === place.id ? undefined : 'fork'
}

/** The newest entries, oldest first, within a count and a size; at least one where there is one. */
function lastWithin (entries: readonly Entry[], count: number, maxBytes: number): readonly Entry[] {
  let bytes = 0
  let from = entries.length
  while (from > 0 && entries.length - from < count) {
    bytes += entries[from - 1]!.content.length
    if (bytes > maxBytes && from < entries.length) break
    from--
  }
  return entries.slice(from)
}

function firstWithin (entries: readonly Entry[], count: number, maxBytes: number): readonly Entry[] {
  let bytes = 0
  const to = entries.findIndex((entry, index) => {
    bytes += entry.content.length
    return index === count || (bytes > maxBytes && index > 0)
  })
  return to < 0 ? entries : entries.slice(0, to)
}
