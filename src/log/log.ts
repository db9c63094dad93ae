import type { Cursor } from '../protocol/cursor.ts'
import type { Draft, Entry, GapReason } from '../protocol/entry.ts'

/** How much of a room is kept. */
export interface Retention {
  readonly maxEntries: number
  /** Milliseconds; 0 for ever, as for the value of a `latest` room. */
  readonly maxAgeMs: number
  /** True for `latest` rooms: only the newest value counts, so older ones are no gap. */
  readonly latestOnly: boolean
}

/** Where a message was stored. */
export interface Receipt {
  readonly cursor: Cursor
  /** True where the key was known: nothing was published, and the cursor is the first one's. */
  readonly duplicate: boolean
}

/** The newest place of a room, and the entries that lead up to it, oldest first. */
export interface Snapshot {
  readonly top: Cursor
  /** When the newest entry, or the log, came to be: milliseconds since 1970, by Redis's clock. */
  readonly timestampMs: number
  readonly entries: readonly Entry[]
}

/** The same shape as hub/room.ts asks of its backlog. */
export interface Stretch {
  readonly entries: readonly Entry[]
  readonly gap?: GapReason | undefined
  readonly top: Cursor
  /** When it was read: milliseconds since 1970, by Redis's clock. */
  readonly nowMs: number
}

/** A page of history, oldest first. */
export interface History {
  readonly entries: readonly Entry[]
  readonly more: boolean
}

/**
 * A room's numbered history. `seq` rises by exactly one with every entry, in one order for all replicas;
 * timestamps never go back within a room. All methods reject with BrokerError while Redis is away.
 */
export interface Log {
  /**
   * Appends, numbers and publishes in one step: either all of it happens or nothing. Resolves when it is
   * stored; 'key_reused' where the key came with other content before, and nothing was stored.
   */
  append (room: string, draft: Draft): Promise<Receipt | 'key_reused'>
  /**
   * Where the room stands, and its newest entries (within `maxBytes`). A room without a log is given an epoch, and one
   * with a log keeps it for another META_TTL_MS.
   */
  open (room: string, newest: number, maxBytes: number): Promise<Snapshot>
  /** Where each of these rooms stands, in one round trip; undefined for a room without a log. Makes none. */
  tops (rooms: readonly string[]): Promise<ReadonlyArray<Cursor | undefined>>
  /**
   * What follows a place, page by page (at most PAGE_ENTRIES or PAGE_BYTES); empty at the top. A room without a log is
   * given an epoch, and one with a log keeps it, as by `open`.
   */
  after (room: string, place: Cursor): Promise<Stretch>
  /** The newest entries before a number (undefined: before the end), within `maxBytes` but at least one. */
  before (room: string, seq: number | undefined, limit: number, maxBytes: number): Promise<History>
  stop (): Promise<void>
}

export const PAGE_ENTRIES = 200
export const PAGE_BYTES = 1_048_576

/** How long a room's epoch and number outlive its last message. Milliseconds. */
export const META_TTL_MS = 86_400_000
