import type { Load } from '../load/commands.ts'
import { type Bench, measure, type Measured, type Rig } from './bench.ts'
import { type Search, searchRate } from './search.ts'

export interface Sustained {
  readonly name: string
  /** Messages a second; 0 where no rate held. */
  readonly rate: number
  /** Closed loop, before. */
  readonly peak: Measured
  /** The window at the highest rate that held. */
  readonly best: Measured | undefined
  /** Every window tried, with what was wrong with it. */
  readonly tried: ReadonlyArray<{ readonly rate: number, readonly why: string }>
}

interface Hunt {
  readonly rig: Rig
  readonly search: Search
  readonly peak: Measured
  readonly tried: Array<Sustained['tried'][number]>
  next: IteratorResult<number, number>
  best: Measured | undefined
}

export type Shape = Omit<Load, 'pace'>

const MOST_P99_US = 100_000
// What is sent and what is taken in may differ by the window's edges, and by no more.
const KEPT_UP = 0.97
const FIRST_SHARE = 0.75
const QUICK_RATES = 7

/** Searches all servers' highest sustained rates; their windows take turns. */
export async function searchSustained (
  bench: Bench, rigs: readonly Rig[], shape: Shape, inFlight: number
): Promise<Sustained[]> {
  const hunts: Hunt[] = []
  for (const rig of rigs) hunts.push(await beginHunt(bench, rig, shape, inFlight))
  while (hunts.some(({ next }) => next.done !== true)) {
    for (const hunt of hunts) if (hunt.next.done !== true) await tryNext(bench, hunt, shape, hunt.next.value)
  }
  return hunts.map(({ rig, next, peak, best, tried }) => ({ name: rig.name, rate: next.value, peak, best, tried }))
}

async function beginHunt (bench: Bench, rig: Rig, shape: Shape, inFlight: number): Promise<Hunt> {
  const peak = await measure(bench, rig, { ...shape, pace: { inFlight } })
  const perSecond = peak.sent / (peak.tookMs + peak.lateMs) * 1_000
  const search = searchRate(FIRST_SHARE * perSecond, bench.isQuick ? QUICK_RATES : undefined)
  return { rig, search, peak, next: search.next(), best: undefined, tried: [] }
}

async function tryNext (bench: Bench, hunt: Hunt, shape: Shape, rate: number): Promise<void> {
  const window = await measure(bench, hunt.rig, { ...shape, pace: { ratePerSecond: rate } })
  const why = whatIsWrong(window, rate)
  hunt.tried.push({ rate, why })
  // One that holds is higher than those before it.
  if (why === '') hunt.best = window
  hunt.next = hunt.search.next(why === '')
}

/** Says where a search ended before a rate failed: what it found is less than what there is. */
export function lowerBounds (sustained: readonly Sustained[]): string[] {
  const names = sustained.filter(({ tried }) => tried.every(({ why }) => why === '')).map(({ name }) => name)
  return [...new Set(names)].map((name) => `${name}: in ${names.filter((one) => one === name).length} of its searches no rate ` +
    'failed, so that what was found there is a lower bound.')
}

/** Empty where the rate was sustained. */
function whatIsWrong (window: Measured, rate: number): string {
  const { sent, expected, received, tookMs, p99Us, errors, gaps, lost, complaint } = window
  if (lost > 0) return `${lost} connections lost`
  if (errors > 0) return `${errors} errors: ${complaint}`
  if (received !== expected) return `${expected - received} of ${expected} not delivered`
  if (gaps > 0) return `${gaps} gaps`
  if (p99Us > MOST_P99_US) return 'p99 over 100 ms'
  if (sent < KEPT_UP * rate * tookMs / 1_000) return 'the generator did not keep up'
  return ''
}
