import { ClaimError } from './grants.ts'

// It travels to everyone in a room with each join.
const MAX_INFO_CHARS = 1_024

/**
 * The claim `info`: what others in a room are told of the user.
 * @returns JSON text; undefined for none
 * @throws ClaimError where it is too long
 */
export function readInfo (info: unknown): string | undefined {
  if (info === undefined) return undefined
  const text = JSON.stringify(info)
  if (text.length > MAX_INFO_CHARS) throw new ClaimError(`token: info: must be at most ${MAX_INFO_CHARS} characters as JSON`)
  return text
}
