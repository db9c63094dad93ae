import { BrokerError } from '../protocol/codes.ts'
import { type Cursor, formatCursor } from '../protocol/cursor.ts'
import { type Log, PAGE_BYTES, type Snapshot, type Stretch } from './log.ts'

const RETRY_MS = 500
// A crowd that comes back at once costs a read now and then, not one for each: the more the last read served, the
// longer the next one waits for others.
const GAP_MS_PER_READER = 20
const MAX_GAP_MS = 200

/** One room's log, read once for everyone who asks for the same at the same time. */
export class SharedReads {
  readonly #log: Log
  readonly #room: string
  // These are made when they are needed: most rooms are quiet, and there are many.
  #reads: Map<string, Promise<unknown>> | undefined
  #pauses: Map<NodeJS.Timeout, () => void> | undefined
  #isStopped = false
  // The read of the top that has not begun yet, and for how many it will be.
  #nextTop: Promise<Cursor> | undefined
  #waiting = 0
  #lastTop: Promise<unknown> | undefined
  #notBeforeMs = 0

  constructor (log: Log, room: string) {
    this.#log = log
    this.#room = room
  }

  /**
   * What follows a place. While Redis is away it tries again, so that nobody who reads on has to; it rejects with
   * BrokerError only where the room was given up.
   */
  after (place: Cursor): Promise<Stretch> {
    return this.#share(`after ${formatCursor(place)}`, () => this.#persist(place))
  }

  /** As `after`, by a read that has not begun yet: for who must not miss what was published until now. */
  afterNow (place: Cursor): Promise<Stretch> {
    return this.#begin(`after ${formatCursor(place)}`, () => this.#persist(place))
  }

  /**
   * What follows a place, read after the log stood at `top`: shared by those who know the same top. Rejects with
   * BrokerError.
   */
  page (place: Cursor, top: Cursor): Promise<Stretch> {
    const name = `page ${formatCursor(place)} ${formatCursor(top)}`
    return this.#share(name, () => this.#log.after(this.#room, place))
  }

  /** The newest entries, read after the log stood at `top`. Rejects with BrokerError. */
  newest (count: number, top: Cursor): Promise<Snapshot> {
    const name = `newest ${count} ${formatCursor(top)}`
    return this.#share(name, () => this.#log.open(this.#room, count, PAGE_BYTES))
  }

  /**
   * Where the log stands. Who asks shares the next read that begins, never one under way: it would not know of what was
   * published since. Rejects with BrokerError.
   */
  top (): Promise<Cursor> {
    this.#waiting++
    this.#nextTop ??= this.#readTop()
    return this.#nextTop
  }

  /** Nothing is waited for any more. */
  stop (): void {
    this.#isStopped = true
    for (const [timer, goOn] of this.#pauses ?? []) {
      clearTimeout(timer)
      goOn()
    }
    this.#pauses = undefined
  }

  #share<Result> (name: string, read: () => Promise<Result>): Promise<Result> {
    return this.#reads?.get(name) as Promise<Result> | undefined ?? this.#begin(name, read)
  }

  #begin<Result> (name: string, read: () => Promise<Result>): Promise<Result> {
    const reading = read().finally(() => {
      if (this.#reads?.get(name) === reading) this.#reads.delete(name)
      if (this.#reads?.size === 0) this.#reads = undefined
    })
    this.#reads ??= new Map<string, Promise<unknown>>()
    this.#reads.set(name, reading)
    return reading
  }

  async #readTop (): Promise<Cursor> {
    await this.#lastTop
    const gapMs = this.#notBeforeMs - performance.now()
    if (gapMs > 0) await this.#pause(gapMs)
    this.#notBeforeMs = performance.now() + Math.min(MAX_GAP_MS, GAP_MS_PER_READER * this.#waiting)
    this.#nextTop = undefined
    this.#waiting = 0
    const reading = this.#askTop()
    this.#lastTop = reading.catch(() => {})
    return await reading
  }

  async #askTop (): Promise<Cursor> {
    if (this.#isStopped) throw new BrokerError('unavailable')
    const [top] = await this.#log.tops([this.#room])
    return top ?? (await this.#log.open(this.#room, 0, 0)).top
  }

  async #persist (place: Cursor): Promise<Stretch> {
    for (;;) {
      try {
        return await this.#log.after(this.#room, place)
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error
        if (!this.#isStopped) await this.#pause(RETRY_MS)
        if (this.#isStopped) throw error
      }
    }
  }

  async #pause (ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#pauses?.delete(timer)
        if (this.#pauses?.size === 0) this.#pauses = undefined
        resolve()
      }, ms)
      this.#pauses ??= new Map<NodeJS.Timeout, () => void>()
      this.#pauses.set(timer, resolve)
    })
  }
}
