/**
 * Everything a client can be told when something is refused or ends: one table for errors, one for closes.
 * `code` follows HTTP; `reason` is the stable slug that clients switch on; `retryable` says whether the same
 * request can succeed later. test/docs/protocol.test.ts holds both tables against docs/protocol.md.
 */
export const ERRORS = {
  bad_json: { code: 400, retryable: false, message: 'the frame is not JSON' },
  bad_message: { code: 400, retryable: false, message: 'the request is not valid' },
  unknown_type: { code: 400, retryable: false, message: 'the gateway does not know this type of request' },
  bad_room: { code: 400, retryable: false, message: 'room: no name of a room' },
  bad_cursor: { code: 400, retryable: false, message: 'since: not a cursor of this gateway' },
  unauthenticated: { code: 401, retryable: false, message: 'token: missing' },
  token_expired: { code: 401, retryable: false, message: 'token: it has expired' },
  forbidden: { code: 403, retryable: false, message: 'not allowed' },
  not_joined: { code: 403, retryable: false, message: 'join the room first' },
  not_found: { code: 404, retryable: false, message: 'there is nothing at this address' },
  out_of_range: { code: 409, retryable: false, message: 'the position would leave its bounds' },
  key_reused: { code: 409, retryable: false, message: 'key: already used with other content' },
  too_large: { code: 413, retryable: false, message: 'the request is too large' },
  too_many_rooms: { code: 413, retryable: false, message: 'this connection is in as many rooms as it may be' },
  rate_limited: { code: 429, retryable: true, message: 'too many requests' },
  internal: { code: 500, retryable: false, message: 'the gateway failed; this is a defect of ours' },
  unavailable: { code: 503, retryable: true, message: 'Redis cannot be reached; nothing was published' },
  unknown_outcome: {
    code: 503,
    retryable: true,
    message: 'the connection to Redis broke after the request was sent; try again with the same key'
  }
} as const satisfies Record<string, ErrorRow>

interface ErrorRow { readonly code: number, readonly retryable: boolean, readonly message: string }

export type Reason = keyof typeof ERRORS

/** An expected refusal, as a value: what was wrong, in words that name the field. */
export interface Refusal {
  readonly reason: Reason
  readonly message: string
  readonly retryAfterMs?: number | undefined
}

export function refusal (reason: Reason, message: string = ERRORS[reason].message, retryAfterMs?: number): Refusal {
  return { reason, message, retryAfterMs }
}

/**
 * Thrown by ports when the infrastructure behind them fails. `unavailable`: certainly not done;
 * `unknown_outcome`: perhaps done, and safe to try again with the same key.
 */
export class BrokerError extends Error {
  readonly reason: 'unavailable' | 'unknown_outcome'
  /** True where Redis answered, and said no: somebody has to look at it, so it is logged. */
  readonly isRefused: boolean

  constructor (reason: 'unavailable' | 'unknown_outcome', options: ErrorOptions & { isRefused?: boolean } = {}) {
    super(ERRORS[reason].message, options)
    this.name = 'BrokerError'
    this.reason = reason
    this.isRefused = options.isRefused ?? false
  }
}

/**
 * Why the gateway closes a connection (RFC 6455 section 7.4; 4000 + an HTTP status for our own).
 * ws itself closes with 1002, 1007, 1008 and 1009.
 */
export const CLOSES = {
  draining: { code: 1001, reason: 'draining', reconnect: true },
  binary: { code: 1003, reason: 'only text frames', reconnect: false },
  dripping: { code: 1008, reason: 'the message took too long to come', reconnect: true },
  defect: { code: 1011, reason: 'a defect of the gateway', reconnect: true },
  malformed: { code: 4400, reason: 'too many malformed frames', reconnect: false },
  unauthenticated: { code: 4401, reason: 'token: it has expired', reconnect: true },
  disconnected: { code: 4403, reason: 'disconnected by an operator', reconnect: false },
  silent: { code: 4408, reason: 'heartbeat timed out', reconnect: true },
  flooding: { code: 4429, reason: 'too many requests over the rate limit', reconnect: true },
  overloaded: { code: 4503, reason: 'overloaded', reconnect: true }
} as const

export type CloseName = keyof typeof CLOSES
