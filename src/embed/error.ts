import { BrokerError, ERRORS, type Reason, type Refusal } from '../protocol/codes.ts'

/**
 * Why something was not done that code asked for. `reason` is one of docs/protocol.md: `unavailable` (Redis cannot be
 * reached; certainly nothing was published), `unknown_outcome` (perhaps it was: the same call with the same `key` is
 * safe), `bad_room`, `bad_message`, `too_large`, `key_reused`, `out_of_range`, …
 */
export class TidegateError extends Error {
  readonly reason: Reason
  /** As an HTTP status. */
  readonly code: number
  /** Whether the same call can succeed later. */
  readonly retryable: boolean

  constructor ({ reason, message }: Pick<Refusal, 'reason' | 'message'>, options: ErrorOptions = {}) {
    super(message, options)
    this.name = 'TidegateError'
    this.reason = reason
    const { code, retryable } = ERRORS[reason]
    this.code = code
    this.retryable = retryable
  }
}

/** What a port rejected with, as code outside is told. */
export async function told<Result> (asked: Promise<Result>): Promise<Result> {
  try {
    return await asked
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    throw new TidegateError({ reason: error.reason, message: ERRORS[error.reason].message }, { cause: error })
  }
}
