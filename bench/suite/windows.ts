import type { Measured } from './bench.ts'
import { median } from './statistics.ts'

// What many windows of load say together, as the tables show it.

const MOST_CROWDED = 0.1

/** The median of their latencies. */
export function medianMs (windows: readonly Measured[], of: 'p50Us' | 'p99Us'): number {
  return median(windows.map((window) => window[of])) / 1_000
}

/** Deliveries that did not come. */
export function lost (windows: readonly Measured[]): number {
  return windows.reduce((sum, { expected, received }) => sum + expected - received, 0)
}

/** How busy the generator was while it published. */
export function share (windows: readonly Measured[]): string {
  return percent(windows.map(({ busyMs, tookMs, lateMs }) => busyMs / (tookMs + lateMs)))
}

/** How much of the time somebody else was on the server's processor. */
export function crowding (windows: readonly Measured[]): string {
  const shares = windows.map(({ waitedUs, tookMs, lateMs }) => waitedUs / 1_000 / (tookMs + lateMs))
  const waited = `While the load was steady the servers waited for their processor ${percent(shares)} of the time (median)`
  return median(shares) > MOST_CROWDED ? `**${waited}: others ran there, and rates and times are worth little.**` : `${waited}.`
}

function percent (shares: readonly number[]): string {
  return Number.isFinite(median(shares)) ? `${Math.round(100 * median(shares))} %` : '-'
}
