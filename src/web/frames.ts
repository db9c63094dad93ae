type Words = 'room' | 'cursor' | 'from' | 'timestamp' | 'user' | 'replica' | 'broadcastCursor' |
  'reason' | 'message' | 'event'
type Numbers = 'id' | 'seq' | 'position' | 'replay' | 'afterMs' | 'retryAfterMs' | 'pingIntervalMs' |
  'maxMessageBytes' | 'count'
type Flags = 'recovered' | 'retryable' | 'reconnect'

/** What the gateway sends; which members are there depends on the type. */
export interface Frame extends
  Partial<Record<Words, string>>, Partial<Record<Numbers, number>>, Partial<Record<Flags, boolean>> {
  readonly type: string
  readonly content?: unknown
  readonly members?: ReadonlyArray<{ readonly user: string }>
  /** Of those whose token says more of them, the user in an object. */
  readonly joined?: ReadonlyArray<string | { readonly user: string }>
  readonly left?: readonly string[]
}

/** The room of the broadcasts, in which every connection is without asking. */
export const ALL = '$all'

/** Why a request failed; `certain` says that it surely had no effect. */
export class RequestError extends Error {
  readonly certain: boolean
  readonly frame: Frame | undefined

  constructor (message: string, certain: boolean, frame?: Frame) {
    super(message)
    this.certain = certain
    this.frame = frame
  }
}

/** Sends a request, and resolves with its reply; fails with a RequestError. */
export type Ask = (fields: { readonly type: string, readonly [name: string]: unknown }) => Promise<Frame>
