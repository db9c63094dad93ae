import { randomBytes } from 'node:crypto'

/** An entry's random id: 72 bits, so that no two entries of a room are ever taken for each other. */
export function newEntryId (): string {
  return randomBytes(9).toString('base64url')
}

/** The epoch of a log that begins. */
export function newEpoch (): string {
  return randomBytes(6).toString('base64url')
}
