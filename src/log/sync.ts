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

/** As much of log/shared-reads.ts as is asked for here. */
export interface Reads {
  after (place: Cursor): Promise<Stretch>
  stop (): void
}

const MAX_HELD = 1_000

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
  #state: 'syncing' | 'live' | 'stopped' = 'syncing'
  #held: Entry[] = []
  // More came than can be held, or something was missed: what is being read may be of before that.
  #again = false

  constructor (log: Pick<Log, 'open'>, reads: Reads, room: SyncedRoom, latestOnly: boolean) {
    this.#log = log
    this.#reads = reads
    this.#room = room
    this.#latestOnly = latestOnly
  }

  async start (): Promise<void> {
    const { top } = await this.#log.open(this.#room.name, 0, 0)
    if (this.#state === 'stopped') return
    this.#room.reset(top)
    if (this.#again) await this.#repair()
    else this.#goLive()
  }

  receive (envelope: Envelope): void {
    if (envelope.kind === 'signal') this.#room.signal(envelope.signal)
    else if (this.#state === 'syncing') this.#hold(envelope.entry)
    else if (this.#state === 'live') this.#follow(envelope.entry)
  }

  async restore (): Promise<void> {
    if (this.#state === 'live') await this.#repair()
    else this.#again = true
  }

  stop (): void {
    this.#state = 'stopped'
    this.#held = []
    this.#reads.stop()
  }

  #hold (entry: Entry): void {
    if (this.#held.push(entry) <= MAX_HELD) return
    this.#held = []
    this.#again = true
  }

  #goLive (): void {
    this.#state = 'live'
    const held = this.#held
    this.#held = []
    for (const entry of held) this.receive({ kind: 'entry', entry })
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

  /** Reads on from where the room stands to the log's top; then what was held goes on from there. */
  async #repair (): Promise<void> {
    this.#state = 'syncing'
    do {
      this.#again = false
      await this.#readOn()
      if (this.#state !== 'syncing') return
    } while (this.#again)
    this.#goLive()
  }

  async #readOn (): Promise<void> {
    for (;;) {
      const stretch = await this.#reads.after(this.#room.top).catch((error: unknown) => {
        if (this.#state === 'stopped') return undefined
        throw error
      })
      if (stretch === undefined || this.#state !== 'syncing') return
      if (stretch.gap !== undefined) return this.#room.reset(stretch.top)
      for (const entry of stretch.entries) this.#room.deliver(entry)
      if (stretch.entries.length === 0 || this.#room.top.seq >= stretch.top.seq) return
    }
  }
}
