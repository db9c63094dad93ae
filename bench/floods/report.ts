import { FLOODS } from './attacks.ts'
import type { FloodResult, Window } from './run.ts'

const MAX_LEFT_MIB = 64
const MAX_RATIO = 2

const median = (values: readonly number[]): number => percentile(values, 0.5)
const percentile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? NaN

interface Figures { readonly memoryMiB: number, readonly loopP99Ms: number, readonly p50: number, readonly p99: number }

/** The medians of windows of one kind. */
function figures (windows: readonly Window[]): Figures {
  return {
    memoryMiB: median(windows.map(({ memoryMiB }) => memoryMiB)),
    loopP99Ms: median(windows.map(({ loopP99Ms }) => loopP99Ms)),
    p50: median(windows.map(({ acksMs }) => percentile(acksMs, 0.5))),
    p99: median(windows.map(({ acksMs }) => percentile(acksMs, 0.99)))
  }
}

/** How many times as long others wait for their acks while it lasts, at the 99th percentile. */
export function ratioOf ({ quiet, flooded }: FloodResult): number {
  return figures(flooded).p99 / figures(quiet).p99
}

export function report (result: FloodResult): string {
  const { name, cold, quiet, flooded, after, leftMiB, outcomes } = result
  const row = (when: string, windows: readonly Window[]): string => {
    const { memoryMiB, loopP99Ms, p50, p99 } = figures(windows)
    const acks = windows.reduce((sum, { acksMs }) => sum + acksMs.length, 0)
    return `  ${when.padEnd(12)} ${memoryMiB.toFixed(0).padStart(4)} MiB, event loop late by ${loopP99Ms.toFixed(1)} ms (p99); ` +
      `others' acks p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (${acks})`
  }
  const ends = Object.entries(outcomes).map(([outcome, count]) => `${count} × ${outcome}`).join(', ')
  return [
    `${name}: ${FLOODS[name]!.what}`,
    ...cold === undefined ? [] : [row('cold, before', [cold.quiet]), row('cold, during', [cold.flooded])],
    row('before', quiet), row('during', flooded), row('after', [after]),
    `  ended: ${ends || 'none'}; left of it, garbage collected: ${leftMiB.toFixed(1)} MiB`,
    `  others wait ${ratioOf(result).toFixed(1)} times as long (p99; the bar is ${MAX_RATIO})`
  ].join('\n')
}

/** What must not be, whatever the machine; empty where all is well. How long others wait is a bar, and told apart. */
export function verdict ({ name, leftMiB, outcomes }: FloodResult): string[] {
  const { ends } = FLOODS[name]!
  const wrong: string[] = []
  // Whoever comes again and again is refused, too, before the upgrade.
  const others = Object.keys(outcomes).filter((outcome) => ![...ends, '429', '503'].includes(outcome))
  if (others.length > 0) wrong.push(`a connection was ended with ${others.join(', ')}, not ${ends.join(', ')}`)
  if (!ends.some((end) => (outcomes[end] ?? 0) > 0)) wrong.push(`no connection was ended with ${ends.join(', ')}`)
  if (leftMiB > MAX_LEFT_MIB) wrong.push(`${leftMiB.toFixed(0)} MiB are left of it`)
  return wrong
}

export function isBarMet (result: FloodResult): boolean {
  return ratioOf(result) < MAX_RATIO
}
