import type { Reason } from '../protocol/codes.ts'

/** What the client itself refuses, or gives up; the gateway's own reasons are those of docs/protocol.md. */
export type ClientReason =
  | 'aborted' | 'bad_content' | 'closed' | 'connect_failed' | 'disconnected' | 'left' | 'no_websocket' | 'outbox_full'
  | 'slow_consumer' | 'token_failed'

export type ErrorReason = Reason | ClientReason

interface Row { readonly code: number, readonly advice: string }

const FIX = 'fix the call: the message names the field'
const WAIT = 'wait: the client tries again by itself'

/** What to do about each; docs/sdk.md has the same table (a test holds them together). `code` follows HTTP. */
export const ADVICE: Readonly<Record<ErrorReason, Row>> = {
  bad_json: { code: 400, advice: FIX },
  bad_message: { code: 400, advice: FIX },
  unknown_type: { code: 400, advice: 'the gateway is older than this client: update it' },
  bad_room: { code: 400, advice: FIX },
  bad_cursor: { code: 400, advice: 'join without since: this cursor is of no gateway' },
  bad_content: { code: 400, advice: 'publish what JSON can say' },
  unauthenticated: { code: 401, advice: 'give token or getToken a good token' },
  token_expired: { code: 401, advice: 'use getToken, so that tokens are renewed' },
  token_failed: { code: 401, advice: 'see why getToken failed (cause); the client asks it again' },
  forbidden: { code: 403, advice: 'ask for a token, or a room rule, that allows it' },
  not_joined: { code: 403, advice: 'join the room before you publish' },
  not_found: { code: 404, advice: 'check the address' },
  out_of_range: { code: 409, advice: 'move by less: the position has bounds' },
  key_reused: { code: 409, advice: 'use a new key for new content' },
  left: { code: 410, advice: 'join the room again' },
  closed: { code: 410, advice: 'connect anew' },
  too_large: { code: 413, advice: 'publish less at once' },
  too_many_rooms: { code: 413, advice: 'leave a room first' },
  rate_limited: { code: 429, advice: 'ask less often' },
  slow_consumer: { code: 429, advice: 'read faster, or from the error\'s cursor on' },
  outbox_full: { code: 429, advice: 'wait until what was published before is acknowledged' },
  aborted: { code: 499, advice: 'nothing, if you aborted it; it may have been published where isUnknown says so' },
  internal: { code: 500, advice: 'tell the operator: a defect of the gateway' },
  no_websocket: { code: 501, advice: 'install ws, or hand in a WebSocket' },
  unavailable: { code: 503, advice: WAIT },
  connect_failed: { code: 503, advice: WAIT },
  disconnected: { code: 503, advice: WAIT },
  unknown_outcome: { code: 503, advice: 'look whether it was published before you publish it again' }
}

export interface ErrorDetails {
  readonly code?: number | undefined
  readonly retryable?: boolean | undefined
  readonly retryAfterMs?: number | undefined
  readonly room?: string | undefined
  readonly cursor?: string | undefined
  readonly isUnknown?: boolean | undefined
  readonly cause?: unknown
}

/** Everything that this client rejects with, or tells as an `error`. Switch on `reason`. */
export class TidegateError extends Error {
  override readonly name = 'TidegateError'
  readonly reason: ErrorReason
  /** As in HTTP. */
  readonly code: number
  /** Whether the same call can succeed later. */
  readonly retryable: boolean
  /** What to do. */
  readonly advice: string
  readonly retryAfterMs: number | undefined
  readonly room: string | undefined
  /** Of `slow_consumer`: the last message that was handed over. */
  readonly cursor: string | undefined
  /** Of a publish: it may have been published all the same. */
  readonly isUnknown: boolean

  constructor (reason: ErrorReason, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    // A reason of a younger gateway is not in the table.
    const { code = 500, advice = '' } = (ADVICE as Partial<typeof ADVICE>)[reason] ?? {}
    this.reason = reason
    this.code = details.code ?? code
    this.retryable = details.retryable ?? (code === 429 || code === 503)
    this.advice = advice
    this.retryAfterMs = details.retryAfterMs
    this.room = details.room
    this.cursor = details.cursor
    this.isUnknown = details.isUnknown ?? reason === 'unknown_outcome'
  }
}
