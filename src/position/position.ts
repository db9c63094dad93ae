import type { Cursor } from '../protocol/cursor.ts'
import type { IdempotencyKey } from '../protocol/entry.ts'

export interface Bounds { readonly min: number, readonly max: number }

/** Where the car came to stand, and the message that told the room so. */
export interface Moved {
  readonly position: number
  readonly cursor: Cursor
  readonly duplicate: boolean
}

/** The shared car: a counter that is moved and announced in one step, so nobody ends on an old value. */
export interface Position {
  /** 0 before the first move. Rejects with BrokerError. */
  get (): Promise<number>
  /** Refuses to leave the bounds, or a key that came with another delta. Rejects with BrokerError. */
  move (delta: number, key?: IdempotencyKey): Promise<Moved | 'out_of_range' | 'key_reused'>
}
