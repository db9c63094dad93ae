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
  401: 'get a good token',
  403: 'ask for the permission',
  404: 'check the address',
  409: 'change the call',
  410: 'connect or join anew',
  413: 'ask for less at once',
  429: 'slow down',
  499: 'see isUnknown',
  500: 'tell the operator',
  501: 'install ws',
  503: 'wait: the client tries again',
  507: 'read on from the cursor'
}
const UNKNOWN = 'look before you publish it again'

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
  declare readonly reason: ErrorReason
  /** As in HTTP. */
  declare readonly code: number
  /** Whether the same call can succeed later. */
  declare readonly retryable: boolean
  /** What to do. */
  declare readonly advice: string
  declare readonly retryAfterMs: number | undefined
  declare readonly room: string | undefined
  /** Of `slow_consumer`: the last message that was handed over. */
  declare readonly cursor: string | undefined
  /** Of a publish: it may have been published all the same. */
  declare readonly isUnknown: boolean

  constructor (reason: ErrorReason, message: string, details: ErrorDetails = {}) {
    super(message)
    const isUnknown = reason === 'unknown_outcome'
    const { code = (CLIENT_CODES as Partial<Record<ErrorReason, number>>)[reason] ?? 503 } = details
    const advice = isUnknown ? UNKNOWN : ADVICE[code]
    Object.assign(this, { reason, isUnknown, advice, retryable: code === 429 || code === 503 }, details, { code })
  }
}
