import type { Bench, Measured, Variant } from './bench.ts'
import { measureRates } from './rates.ts'
import { type Result, short, type Verdict } from './result.ts'
import { least, median, most } from './statistics.ts'
import { lowerBounds, type Sustained } from './sustained.ts'
import { crowding, lost, medianMs, share } from './windows.ts'

const MEMBERS = 1_000
const CONTENT_BYTES = 128
const RATE = 150
const PUBLISHERS = 10
const SAMPLE_EVERY = 16
const IN_FLIGHT = 4

/** (a) One room of 1,000. */
export async function runFanOut (bench: Bench): Promise<Result> {
  const variants = [bench.ours, bench.merging, bench.socketIo, bench.textbook, bench.floor]
    .flatMap((subject): Variant[] => subject === undefined ? [] : [{ name: subject.name, subject }])
  const { steady, sustained } = await measureRates(bench, {
    id: 'a',
    variants,
    shape: { durationMs: 1_200, contentBytes: CONTENT_BYTES, publishers: PUBLISHERS, sampleEvery: SAMPLE_EVERY },
    rate: RATE,
    inFlight: IN_FLIGHT,
    fill: async ({ server: { port }, subject: { protocol }, generator }) => await generator.ask('connect', {
      port, protocol, rooms: ['fan-out'], count: MEMBERS, concurrency: 100
    })
  })
  return report(bench, steady, sustained)
}

function report (bench: Bench, steady: ReadonlyMap<string, Measured[]>, sustained: readonly Sustained[]): Result {
  const names = [...steady.keys()]
  const cost = new Map([...steady].map(([name, windows]) => [name, windows.map(usADelivery)]))
  const rates = new Map(names.map((name) => [
    name, sustained.filter((one) => one.name === name).map(({ rate }) => rate * MEMBERS)
  ]))
  return {
    id: 'a',
    title: 'Fan-out: one room of 1,000',
    setup: `${CONTENT_BYTES}-byte messages from ${PUBLISHERS} members to all ${MEMBERS}. Steady: ${RATE} messages a second, windows of ` +
      '1.2 s. Sustained: the highest rate with nothing lost and p99 under 100 ms, open loop.',
    tables: [
      {
        title: `Steady, ${RATE} messages a second`,
        columns: [
          'server', 'n', 'best us CPU a delivery', 'median', 'p50 ms', 'p99 ms', 'lost', 'generator busy'
        ],
        rows: names.map((name) => {
          const windows = steady.get(name)!
          return [
            name,
            String(windows.length),
            short(least(cost.get(name)!)),
            short(median(cost.get(name)!)),
            short(medianMs(windows, 'p50Us')),
            short(medianMs(windows, 'p99Us')),
            String(lost(windows)),
            share(windows)
          ]
        })
      },
      {
        title: 'Sustained',
        columns: ['server', 'n', 'best deliveries/s', 'median', 'us CPU a delivery there', 'p99 ms there', 'closed loop, median/s', 'generator busy'],
        rows: names.map((name) => {
          const ones = sustained.filter((one) => one.name === name)
          const best = ones.flatMap((one) => one.best ?? [])
          return [
            name,
            String(ones.length),
            short(most(rates.get(name)!)),
            short(median(rates.get(name)!)),
            short(median(best.map(usADelivery))),
            short(medianMs(best, 'p99Us')),
            short(median(ones.map(({ peak }) => peak.received / (peak.tookMs + peak.lateMs) * 1_000))),
            share(best)
          ]
        })
      }
    ],
    verdicts: verdicts(bench, cost, rates),
    notes: [...lowerBounds(sustained), crowding([...steady.values()].flat())],
    plots: [
      { name: 'fan-out-cpu', title: 'CPU a delivery, one room of 1,000 (medians)', unit: 'us', bars: names.map((name) => ({ name, value: median(cost.get(name)!) })) },
      { name: 'fan-out-sustained', title: 'Deliveries a second sustained, one room of 1,000 (medians)', unit: '/s', bars: names.map((name) => ({ name, value: median(rates.get(name)!) })) }
    ],
    raw: { steady: Object.fromEntries(steady), sustained }
  }
}

function verdicts (
  { ours, merging, socketIo, floor }: Bench, cost: ReadonlyMap<string, number[]>, rates: ReadonlyMap<string, number[]>
): Verdict[] {
  type Of = (values: readonly number[]) => number
  const ratio = (of: Of, all: ReadonlyMap<string, number[]>, a?: string, b?: string): number =>
    of(all.get(a ?? '') ?? []) / of(all.get(b ?? '') ?? [])
  return [
    { what: "sustained, times Socket.IO's (medians)", value: ratio(median, rates, ours.name, socketIo.name), bar: { atLeast: 6 } },
    { what: "CPU a delivery, times the floor's (medians)", value: ratio(median, cost, ours.name, floor?.name), bar: { atMost: 1.6 } },
    { what: "CPU a delivery, times the floor's (best)", value: ratio(least, cost, ours.name, floor?.name), bar: { atMost: 1.6 } },
    { what: "CPU a delivery, times Socket.IO's (medians)", value: ratio(median, cost, ours.name, socketIo.name), bar: { atMost: 0.6 } },
    { what: "CPU a delivery with FLUSH_MS=5, times the floor's (medians)", value: ratio(median, cost, merging.name, floor?.name), bar: { atMost: 1 } }
  ]
}

function usADelivery ({ serverUs, received }: Measured): number {
  return serverUs / received
}
