import type { PresentUser } from '../protocol/presence.ts'

/** How often a lease is renewed: one renewal may be lost, and the next is in time. */
export const RENEWALS_PER_LEASE = 2.5

/**
 * What this replica has of one user in one room. Absolute, so that telling it twice changes nothing. Without a user it
 * is a room whose users are not told of, and only counted.
 */
export interface Holding {
  readonly room: string
  readonly user: string | undefined
  /** Open ones here; 0 while a dropped user may come back; undefined where the user is not here any more. */
  readonly connections: number | undefined
  readonly info?: string | undefined
}

export interface RoomMember extends PresentUser {
  /** Open ones on all replicas; 0 for a user who was cut off a moment ago. */
  readonly connections: number
}

export interface Members {
  readonly count: number
  /** By name, and no more than `MAX_LISTED`; `count` counts all. */
  readonly members: readonly RoomMember[]
}

export const MAX_LISTED = 10_000

export interface RoomPage {
  /** By name. `members` are users, or connections in rooms without presence. */
  readonly rooms: ReadonlyArray<{ readonly room: string, readonly members: number }>
  readonly more: boolean
}

/** What has come of one change of a room, over all replicas, for those who are told of it outside (ADR 9). */
export interface RoomChange {
  readonly room: string
  /** Somebody is there, where nobody was. */
  readonly occupied: boolean
  readonly vacated: boolean
  /** Users alone, and only where the room's users are told of. */
  readonly joined: readonly PresentUser[]
  readonly left: readonly string[]
  readonly count: number
}

interface DescribedMember { readonly user: string, readonly connections: number, readonly info?: unknown }

/** A member as clients see it. */
export function described ({ user, connections, info }: RoomMember): DescribedMember {
  return info === undefined ? { user, connections } : { user, connections, info: JSON.parse(info) as unknown }
}

export type OnStored = (stored: ReadonlyArray<Pick<Holding, 'room' | 'user'>>) => void

/**
 * Who is in which room, over all replicas. Each replica owns what it holds, under a lease: where a replica dies, what
 * it held ends with the lease, and one of the others tells the rooms.
 */
export interface Presence {
  /**
   * Takes a lease, and keeps it.
   * @param onLost called where the lease, or what was held under it, may be gone: everything has to be put again
   * @param onStored called after that with what is stored under the lease, of which some may have left meanwhile
   */
  start (onLost: () => void, onStored?: OnStored): void
  /** Stores what has changed here, and tells each room of users that came or went. Rejects with BrokerError. */
  put (holdings: readonly Holding[]): Promise<void>
  /** Rejects with BrokerError. */
  members (room: string): Promise<Members>
  /** Rooms with members after this name, `limit` of them at most. Rejects with BrokerError. */
  rooms (after: string, limit: number): Promise<RoomPage>
  /**
   * What is held ends: after so long, where another replica lives to tell of it (users that come back to it by then
   * make no noise); else at once. Never rejects.
   */
  stop (graceMs: number): Promise<void>
}
