import { type Cursor, formatCursor } from '../protocol/cursor.ts'
import type { Log, Stretch } from './log.ts'

/** One room's log, read once for everyone who asks for the same at the same time. */
export class SharedReads {
  readonly #log: Log
  readonly #room: string
  readonly #reads = new Map<string, Promise<Stretch>>()

  constructor (log: Log, room: string) {
    this.#log = log
    this.#room = room
  }

  after (place: Cursor): Promise<Stretch> {
    const name = formatCursor(place)
    let read = this.#reads.get(name)
    if (read === undefined) {
      read = this.#log.after(this.#room, place).finally(() => this.#reads.delete(name))
      this.#reads.set(name, read)
    }
    return read
  }
}
