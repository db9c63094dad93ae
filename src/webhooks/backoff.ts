const FIRST_MS = 1_000
const LEAST_MS = 100

interface Failure {
  /** In a row, with this one. */
  readonly tries: number
  readonly maxMs: number
  /** What the target asked for. */
  readonly retryAfterMs?: number | undefined
  /** 0 to 1. */
  readonly random: number
}

/**
 * How long to rest after a failure: exponential, with full jitter, so that a target that comes back is not met by all
 * of its senders at once; no shorter than it asked for, and never longer than `maxMs`.
 */
export function backoffMs ({ tries, maxMs, retryAfterMs = 0, random }: Failure): number {
  const ceilingMs = Math.min(maxMs, FIRST_MS * 2 ** Math.min(tries - 1, 30))
  return Math.round(Math.min(maxMs, Math.max(LEAST_MS, retryAfterMs, ceilingMs * random)))
}
