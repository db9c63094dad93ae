import type { Reason } from '../protocol/codes.ts'

/** What the client itself refuses, or gives up; the gateway's own reasons are those of docs/protocol.md. */
export type ClientReason =
  | 'aborted' | 'bad_content' | 'closed' | 'connect_failed' | 'disconnected' | 'left' | 'no_websocket' | 'outbox_full'
  | 'slow_consumer' | 'token_failed'

export type ErrorReason = Reason | ClientReason

/** The codes of what the client says itself; those of the gateway come with its frames. */
export const CLIENT_CODES: Readonly<Record<ClientReason, number>> = {
  aborted: 499,
  bad_content: 400,
  closed: 410,
  connect_failed: 503,
  disconnected: 503,
  left: 410,
  no_websocket: 501,
  outbox_full: 429,
  slow_consumer: 507,
  token_failed: 401
}

/** What to do, by code: as in docs/sdk.md (a test holds them together). */
export const ADVICE: Readonly<Record<number, string>> = {
  400: 'fix the call',
  401: 'get a good token; with getToken the client does',
  403: 'ask for a token, or a room rule, that allows it',
  404: 'check the address',
  409: 'change the call: as it is it cannot succeed',
  410: 'connect, or join the room, anew',
  413: 'ask for less at once',
  429: 'slow down',
  499: 'nothing; where isUnknown says so, it may have been published',
  500: 'tell the operator: a defect of the gateway',
  501: 'install ws, or hand in a WebSocket',
  503: 'wait: the client tries again',
  507: 'read faster, or go on from the cursor'
}
const UNKNOWN = 'look whether it was published before you publish it again'

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
    const code = details.code ?? (CLIENT_CODES as Partial<Record<ErrorReason, number>>)[reason] ?? 503
    this.reason = reason
    this.code = code
    this.retryable = details.retryable ?? (code === 429 || code === 503)
    this.advice = reason === 'unknown_outcome' ? UNKNOWN : ADVICE[code] ?? ''
    this.retryAfterMs = details.retryAfterMs
    this.room = details.room
    this.cursor = details.cursor
    this.isUnknown = details.isUnknown ?? reason === 'unknown_outcome'
  }
}
