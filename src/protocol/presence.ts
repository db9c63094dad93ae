/** Somebody who is in a room, over all their connections. */
export interface PresentUser {
  readonly user: string
  /** What their token says of them, as JSON text. */
  readonly info?: string | undefined
}

/** What has changed in who is in a room: users, not connections. */
export interface PresenceChange {
  readonly joined: readonly PresentUser[]
  readonly left: readonly string[]
  /** How many users are in the room after it. */
  readonly count: number
  /** Milliseconds since 1970. */
  readonly timestampMs: number
}
