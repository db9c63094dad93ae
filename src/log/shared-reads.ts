import { BrokerError } from '../protocol/codes.ts'
import { type Cursor, formatCursor } from '../protocol/cursor.ts'
import type { Log, Stretch } from './log.ts'

const RETRY_MS = 500

/**
 * One room's log, read once for everyone who asks for the same at the same time. While Redis is away it tries
 * again, so that nobody who reads on has to: until the room is given up.
 */
export class SharedReads {
  readonly #log: Log
  readonly #room: string
  readonly #reads = new Map<string, Promise<Stretch>>()
  readonly #waiting = new Map<NodeJS.Timeout, () => void>()
  #isStopped = false

  constructor (log: Log, room: string) {
    this.#log = log
    this.#room = room
  }

  /** Rejects with BrokerError only where the room was given up. */
  after (place: Cursor): Promise<Stretch> {
    const name = formatCursor(place)
    let read = this.#reads.get(name)
    if (read === undefined) {
      read = this.#read(place).finally(() => this.#reads.delete(name))
      this.#reads.set(name, read)
    }
    return read
  }

  stop (): void {
    this.#isStopped = true
    for (const [timer, goOn] of this.#waiting) {
      clearTimeout(timer)
      goOn()
    }
    this.#waiting.clear()
  }

  async #read (place: Cursor): Promise<Stretch> {
    for (;;) {
      try {
        return await this.#log.after(this.#room, place)
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error
        if (!this.#isStopped) await this.#pause()
        if (this.#isStopped) throw error
      }
    }
  }

  async #pause (): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(timer)
        resolve()
      }, RETRY_MS)
      this.#waiting.set(timer, resolve)
    })
  }
}
