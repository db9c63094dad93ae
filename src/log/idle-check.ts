import { BrokerError } from '../protocol/codes.ts'
import type { Cursor } from '../protocol/cursor.ts'
import { type Log, META_TTL_MS } from './log.ts'

/** A room that this replica follows; log/sync.ts implements it. */
export interface FollowedLog {
  readonly name: string
  /** Where the room stands on this replica; undefined while it is being read. */
  readonly place: Cursor | undefined
  compare (before: Cursor, top: Cursor | undefined): void
}

interface Seen { place: Cursor | undefined, keptMs: number }

const CHECK_MS = 20_000
// Full replicas must not ask in step.
const SPREAD = 0.25
const MAX_ROOMS_PER_READ = 512
// The epoch of a room that is followed outlives its last message for as long as it is followed.
const KEEP_MS = META_TTL_MS / 24

/**
 * A quiet room is compared with its log now and then: a lost message that nothing follows makes no hole, and a log that
 * was lost says nothing. A read for many rooms at once; rooms in which something comes need none.
 */
export class IdleCheck {
  readonly #log: Pick<Log, 'tops' | 'open'>
  readonly #rooms = new Map<FollowedLog, Seen>()
  #timer: NodeJS.Timeout | undefined

  constructor (log: Pick<Log, 'tops' | 'open'>) {
    this.#log = log
  }

  start (): void {
    const delayMs = CHECK_MS * (1 + SPREAD * (2 * Math.random() - 1))
    this.#timer = setTimeout(() => { void this.#run() }, delayMs)
  }

  async #run (): Promise<void> {
    await this.check()
    if (this.#timer !== undefined) this.start()
  }

  stop (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  add (room: FollowedLog): void {
    this.#rooms.set(room, { place: undefined, keptMs: performance.now() })
  }

  remove (room: FollowedLog): void {
    this.#rooms.delete(room)
  }

  /** Compares all rooms in which nothing has come since the last time. Never rejects for want of Redis. */
  async check (): Promise<void> {
    const quiet: Array<readonly [room: FollowedLog, before: Cursor]> = []
    for (const [room, seen] of this.#rooms) {
      const { place } = room
      // The very same object: it is another one as soon as something is delivered.
      if (place !== undefined && place === seen.place) quiet.push([room, place])
      seen.place = place
    }
    for (let at = 0; at < quiet.length; at += MAX_ROOMS_PER_READ) {
      await ifRedisAnswers(() => this.#compare(quiet.slice(at, at + MAX_ROOMS_PER_READ)))
    }
    await ifRedisAnswers(() => this.#keep())
  }

  async #compare (quiet: ReadonlyArray<readonly [FollowedLog, Cursor]>): Promise<void> {
    const tops = await this.#log.tops(quiet.map(([room]) => room.name))
    for (const [index, [room, before]] of quiet.entries()) room.compare(before, tops[index])
  }

  async #keep (): Promise<void> {
    const nowMs = performance.now()
    for (const [room, seen] of this.#rooms) {
      if (nowMs - seen.keptMs < KEEP_MS) continue
      seen.keptMs = nowMs
      await this.#log.open(room.name, 0, 0)
    }
  }
}

/** Where it does not, the next check asks again. */
async function ifRedisAnswers (ask: () => Promise<void>): Promise<void> {
  try {
    await ask()
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
  }
}
