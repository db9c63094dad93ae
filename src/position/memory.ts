import { digestOf } from '../broker/digest.ts'
import type { MemoryBus } from '../broker/memory.ts'
import type { MemoryLog } from '../log/memory.ts'
import type { IdempotencyKey } from '../protocol/entry.ts'
import { POSITION } from '../protocol/rooms.ts'
import type { Bounds, Moved, Position } from './position.ts'

/** The embedded counter. */
export class MemoryPosition implements Position {
  readonly #bus: MemoryBus
  readonly #log: MemoryLog
  readonly #bounds: Bounds
  #position = 0

  constructor (bus: MemoryBus, log: MemoryLog, bounds: Bounds) {
    this.#bus = bus
    this.#log = log
    this.#bounds = bounds
  }

  async get (): Promise<number> {
    return this.#position
  }

  async move (delta: number, key?: IdempotencyKey): Promise<Moved | 'out_of_range' | 'key_reused'> {
    const digest = digestOf('move', String(delta))
    const seen = key && this.#bus.dedupe.find<Moved>(POSITION, key, digest)
    if (seen !== undefined) return seen === 'key_reused' ? seen : { ...seen.result, duplicate: true }
    const position = this.#position + delta
    if (position < this.#bounds.min || position > this.#bounds.max) return 'out_of_range'
    const cursor = this.#log.store(POSITION, { from: '""', content: String(position) })
    this.#position = position
    const moved = { position, cursor, duplicate: false }
    if (key !== undefined) this.#bus.dedupe.remember(POSITION, key, digest, moved)
    return moved
  }
}
