import type { Reason } from '../protocol/codes.ts'

/** What became of files that were uploaded and asked for; for metrics. */
export class FileCounts {
  stored = 0
  storedBytes = 0
  served = 0
  readonly refusals: Partial<Record<Reason, number>> = {}

  refuse (reason: Reason): void {
    this.refusals[reason] = (this.refusals[reason] ?? 0) + 1
  }
}
