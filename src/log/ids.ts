import { randomFillSync } from 'node:crypto'

const ID_BYTES = 9
const EPOCH_BYTES = 6

// Asking the kernel for each id costs more than all else that a publish does here.
const pool = Buffer.allocUnsafe(8_190)
let used = pool.length

/** An entry's random id: 72 bits, so that no two entries of a room are ever taken for each other. */
export function newEntryId (): string {
  return random(ID_BYTES)
}

/** The epoch of a log that begins. */
export function newEpoch (): string {
  return random(EPOCH_BYTES)
}

function random (bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += bytes
  return pool.toString('base64url', used - bytes, used)
}
