/** What a scenario has found. */
export interface Result {
  readonly id: string
  readonly title: string
  /** How it was measured. */
  readonly setup: string
  readonly tables: readonly Table[]
  readonly verdicts: readonly Verdict[]
  readonly notes: readonly string[]
  readonly plots: readonly Plot[]
  /** Every single measurement. */
  readonly raw: unknown
}

export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: ReadonlyArray<readonly string[]>
}

/** A figure beside the bar that it is held to. */
export interface Verdict {
  readonly what: string
  readonly value: number
  readonly bar: { readonly atMost: number } | { readonly atLeast: number }
  readonly unit?: string
}

/** Bars, a group for each row. */
export interface Plot {
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly bars: ReadonlyArray<{ readonly name: string, readonly value: number, readonly isOurs?: boolean }>
}

export function isMet ({ value, bar }: Verdict): boolean {
  return 'atMost' in bar ? value <= bar.atMost : value >= bar.atLeast
}

/** A number with as many digits as it is worth. */
export function short (value: number): string {
  if (!Number.isFinite(value)) return '-'
  const size = Math.abs(value)
  if (size >= 1_000) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}
