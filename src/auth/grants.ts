import type { Refusal } from '../protocol/codes.ts'
import { ALL, isRoomName } from '../protocol/rooms.ts'

/** What a token may allow in a room. */
type RoomAction = 'join' | 'publish'

/** What a token may allow anywhere. */
type Ability = 'broadcast' | 'move' | 'admin'

const ABILITIES: readonly string[] = ['broadcast', 'move', 'admin'] satisfies Ability[]
const ACTIONS: readonly string[] = ['join', 'publish'] satisfies RoomAction[]
// A token is at most some kilobytes; this many patterns are still quick to look through for every message.
const MAX_PATTERNS = 256

type Actions = ReadonlySet<string>

/** What somebody may do. In rooms the longest pattern that matches decides. Room rules may forbid more, never less. */
export class Grants {
  /** Without tokens: everything but the administration. */
  static readonly open = new Grants(undefined, new Set(['broadcast', 'move']))

  // Undefined: every room, as its rule allows everyone.
  readonly #exact: ReadonlyMap<string, Actions> | undefined
  // Longest first.
  readonly #prefixes: ReadonlyArray<readonly [prefix: string, actions: Actions]>
  readonly #abilities: ReadonlySet<string>

  private constructor (rooms: ReadonlyMap<string, Actions> | undefined, abilities: ReadonlySet<string>) {
    const patterns = [...rooms ?? []]
    this.#exact = rooms && new Map(patterns.filter(([pattern]) => !pattern.endsWith('*')))
    this.#prefixes = patterns.filter(([pattern]) => pattern.endsWith('*'))
      .map(([pattern, actions]) => [pattern.slice(0, -1), actions] as const)
      .sort(([a], [b]) => b.length - a.length)
    this.#abilities = abilities
  }

  /**
   * As the claims `rooms` (`{"chat:*":["join","publish"]}`; absent: as the rooms' rules allow everyone) and `can`
   * (`["broadcast","move","admin"]`; absent: none of them) say. Words that this version does not know allow nothing.
   * @throws ClaimError that names the claim that is wrong
   */
  static of ({ rooms, can }: Readonly<Record<string, unknown>>): Grants {
    return new Grants(rooms === undefined ? undefined : readRooms(rooms), readCan(can))
  }

  in (room: string, action: RoomAction): boolean {
    // Every connection is in it.
    if (room === ALL) return action === 'join'
    if (this.#exact === undefined) return true
    const actions = this.#exact.get(room) ?? this.#prefixes.find(([prefix]) => room.startsWith(prefix))?.[1]
    return actions?.has(action) ?? false
  }

  /** As `in`, where a token that has no `rooms` allows nothing: what is not for everyone. */
  names (room: string, action: RoomAction): boolean {
    return (this === Grants.open || this.#exact !== undefined) && this.in(room, action)
  }

  can (ability: Ability): boolean {
    return this.#abilities.has(ability)
  }
}

/** A claim of a token that is not of the form it must have. */
export class ClaimError extends Error {
  readonly reason: Refusal['reason'] = 'unauthenticated'
}

function readRooms (rooms: unknown): Map<string, Actions> {
  if (typeof rooms !== 'object' || rooms === null || Array.isArray(rooms)) {
    throw new ClaimError('token: rooms: must be an object of patterns, such as {"chat:*":["join","publish"]}')
  }
  const patterns = Object.entries(rooms)
  if (patterns.length > MAX_PATTERNS) throw new ClaimError(`token: rooms: must be at most ${MAX_PATTERNS} patterns`)
  return new Map(patterns.map(([pattern, actions]) => {
    const name = pattern.endsWith('*') ? pattern.slice(0, -1) : pattern
    if (name === '' ? pattern !== '*' : !isRoomName(name)) {
      throw new ClaimError('token: rooms: a pattern is the name of a room, or a prefix of one that ends in *')
    }
    return [pattern, readWords(actions, 'rooms', ACTIONS)]
  }))
}

function readCan (can: unknown): ReadonlySet<string> {
  return can === undefined ? new Set() : readWords(can, 'can', ABILITIES)
}

function readWords (words: unknown, claim: string, known: readonly string[]): ReadonlySet<string> {
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) {
    throw new ClaimError(`token: ${claim}: must be a list of words, of ${known.join(', ')}`)
  }
  return new Set(words.filter((word) => known.includes(word)))
}
