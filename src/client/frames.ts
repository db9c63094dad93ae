type Words = 'room' | 'cursor' | 'from' | 'timestamp' | 'user' | 'replica' | 'connection' | 'broadcastCursor' |
  'reason' | 'message' | 'event' | 'expires'
type Numbers = 'id' | 'seq' | 'position' | 'replay' | 'afterMs' | 'retryAfterMs' | 'pingIntervalMs' |
  'maxMessageBytes' | 'count' | 'code' | 'missed'
type Flags = 'recovered' | 'retryable' | 'reconnect' | 'duplicate' | 'more'

/** What the gateway sends (docs/protocol.md); which members are there depends on the type. */
export interface Frame extends
  Partial<Record<Words, string>>, Partial<Record<Numbers, number>>, Partial<Record<Flags, boolean>> {
  readonly type: string
  readonly content?: unknown
  readonly info?: unknown
  readonly members?: ReadonlyArray<{ readonly user: string, readonly connections: number, readonly info?: unknown }>
  /** Of a merged presence event: a member with `info` is an object. */
  readonly joined?: ReadonlyArray<string | { readonly user: string, readonly info?: unknown }>
  readonly left?: readonly string[]
  readonly messages?: readonly Frame[]
}

/** The room of the broadcasts, in which every connection is without asking. */
export const ALL = '$all'
/** The room of the shared counter. */
export const POSITION = 'position'

/** The log that a cursor belongs to: numbers of different logs cannot be compared. */
export function epochOf (cursor: string): string {
  return cursor.slice(0, cursor.indexOf('.'))
}

/** The number in a cursor. */
export function seqOf (cursor: string): number {
  return Number(cursor.split('.')[1])
}
