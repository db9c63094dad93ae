import type { Followed } from '../broker/interest.ts'
import type { Cursor } from '../protocol/cursor.ts'
import type { Entry, Envelope, Signal } from '../protocol/entry.ts'
import type { Log, Stretch } from './log.ts'

/** The room on this replica, as far as its log is concerned. hub/room.ts is one. */
export interface SyncedRoom {
  readonly name: string
  readonly top: Cursor
  deliver (entry: Entry): void
  signal (signal: Signal): void
  reset (place: Cursor): void
  /** False where an entry with this number, but another id, was delivered here. */
  agrees (place: Cursor): boolean
}

const RETRY_MS = 500

/**
 * Keeps one room of this replica in step with its log. Every live entry must follow the one before it, by
 * number and by id: next in line is delivered, seen before is dropped, and at a hole (a lost subscription, a
 * lost or forked log) the log is read once for the whole room.
 */
export class RoomSync implements Followed {
  readonly #log: Log
  readonly #room: SyncedRoom
  readonly #latestOnly: boolean
  #state: 'syncing' | 'live' | 'stopped' = 'syncing'
  // Something came while the log was being read: read once more.
  #heard = false
  #retry: NodeJS.Timeout | undefined

  constructor (log: Log, room: SyncedRoom, latestOnly: boolean) {
    this.#log = log
    this.#room = room
    this.#latestOnly = latestOnly
  }

  async start (): Promise<void> {
    this.#heard = false
    const { top } = await this.#log.open(this.#room.name, 0, 0)
    if (this.#state === 'stopped') return
    this.#room.reset(top)
    if (this.#heard) await this.#repair()
    else this.#state = 'live'
  }

  receive (envelope: Envelope): void {
    if (envelope.kind === 'signal') this.#room.signal(envelope.signal)
    else if (this.#state === 'syncing') this.#heard = true
    else if (this.#state === 'live') this.#follow(envelope.entry)
  }

  async restore (): Promise<void> {
    if (this.#state === 'live') await this.#repair()
    else this.#heard = true
  }

  stop (): void {
    this.#state = 'stopped'
    clearTimeout(this.#retry)
  }

  #follow (entry: Entry): void {
    const top = this.#room.top
    const isNext = entry.epoch === top.epoch &&
      (this.#latestOnly ? entry.seq > top.seq : entry.seq === top.seq + 1 && entry.prev === top.id)
    // A late copy of what was read from the log already.
    const isSeen = entry.epoch === top.epoch && entry.seq <= top.seq && this.#room.agrees(entry)
    if (isNext) this.#room.deliver(entry)
    else if (!isSeen) void this.#repair()
  }

  /** Never rejects: while Redis is away it tries again. */
  async #repair (): Promise<void> {
    this.#state = 'syncing'
    try {
      do {
        this.#heard = false
        await this.#readOn()
      } while (this.#heard && this.#state === 'syncing')
      if (this.#state === 'syncing') this.#state = 'live'
    } catch {
      clearTimeout(this.#retry)
      if (this.#state === 'syncing') this.#retry = setTimeout(() => { void this.#repair() }, RETRY_MS)
    }
  }

  async #readOn (): Promise<void> {
    for (;;) {
      const stretch = await this.#log.after(this.#room.name, this.#room.top)
      if (this.#state !== 'syncing' || this.#isAtTop(stretch)) return
      for (const entry of stretch.entries) this.#room.deliver(entry)
    }
  }

  #isAtTop (stretch: Stretch): boolean {
    if (stretch.gap !== undefined) this.#room.reset(stretch.top)
    return stretch.gap !== undefined || stretch.entries.length === 0
  }
}
