import type { Bench, Measured, Variant } from './bench.ts'
import { measureRates } from './rates.ts'
import { type Result, short } from './result.ts'
import { least, median, most } from './statistics.ts'
import { lowerBounds, type Sustained } from './sustained.ts'
import { crowding, lost, medianMs, share } from './windows.ts'

const ROOMS = 200
const MEMBERS = 10
const CONTENT_BYTES = 128
const RATE = 2_000
const IN_FLIGHT = 200

/** (b) 200 rooms of 10, and every member publishes. */
export async function runRooms (bench: Bench): Promise<Result> {
  const live = `${bench.ours.name}, live`
  const variants: Variant[] = [
    { name: `${bench.ours.name}, log`, subject: bench.ours },
    { name: live, subject: bench.ours },
    { name: bench.socketIo.name, subject: bench.socketIo },
    { name: bench.textbook.name, subject: bench.textbook }
  ]
  const { steady, sustained } = await measureRates(bench, {
    id: 'b',
    variants,
    shape: { durationMs: 1_200, contentBytes: CONTENT_BYTES, sampleEvery: 4 },
    rate: RATE,
    inFlight: IN_FLIGHT,
    fill: async ({ name, server: { port }, subject: { protocol }, generator }) => await generator.ask('connect', {
      port,
      protocol,
      rooms: Array.from({ length: ROOMS }, (_, index) => name === live ? `live:${index}` : `room-${index}`),
      count: ROOMS * MEMBERS,
      concurrency: 100
    })
  })
  return report(steady, sustained)
}

function report (steady: ReadonlyMap<string, Measured[]>, sustained: readonly Sustained[]): Result {
  const names = [...steady.keys()]
  const [log, live, socketIo] = names as [string, string, string]
  const costs = (name: string): number[] => steady.get(name)!.map(({ serverUs, sent }) => serverUs / sent)
  const rates = (name: string): number[] => sustained.filter((one) => one.name === name).map(({ rate }) => rate)
  const times = (name: string): number => median(rates(name)) / median(rates(socketIo))
  return {
    id: 'b',
    title: 'Small rooms: 200 of 10, every member publishing',
    setup: `${CONTENT_BYTES}-byte messages from all ${ROOMS * MEMBERS} members in turns. Steady: ${RATE} messages a second, windows of 1.2 s. ` +
      'Sustained: the highest rate with nothing lost and p99 under 100 ms, open loop.',
    tables: [
      {
        title: `Steady, ${RATE} messages a second`,
        columns: ['server', 'n', 'best us CPU a message', 'median', 'p50 ms', 'p99 ms', 'lost', 'Redis us a message', 'generator busy'],
        rows: names.map((name) => {
          const windows = steady.get(name)!
          return [
            name,
            String(windows.length),
            short(least(costs(name))),
            short(median(costs(name))),
            short(medianMs(windows, 'p50Us')),
            short(medianMs(windows, 'p99Us')),
            String(lost(windows)),
            short(median(windows.map(({ redisUs, sent }) => redisUs / sent))),
            share(windows)
          ]
        })
      },
      {
        title: 'Sustained',
        columns: ['server', 'n', 'best messages/s', 'median', 'us CPU a message there', 'p99 ms there', 'closed loop, median/s', 'us CPU a message there', 'generator busy'],
        rows: names.map((name) => {
          const ones = sustained.filter((one) => one.name === name)
          const best = ones.flatMap((one) => one.best ?? [])
          return [
            name,
            String(ones.length),
            short(most(rates(name))),
            short(median(rates(name))),
            short(median(best.map(({ serverUs, sent }) => serverUs / sent))),
            short(medianMs(best, 'p99Us')),
            short(median(ones.map(({ peak }) => peak.sent / (peak.tookMs + peak.lateMs) * 1_000))),
            short(median(ones.map(({ peak }) => peak.serverUs / peak.sent))),
            share(best)
          ]
        })
      }
    ],
    verdicts: [
      { what: "log rooms, messages a second, times Socket.IO's (medians)", value: times(log), bar: { atLeast: 2 } },
      { what: "live rooms, messages a second, times Socket.IO's (medians)", value: times(live), bar: { atLeast: 2 } },
      { what: 'live rooms, as aimed at (medians)', value: times(live), bar: { atLeast: 3 } }
    ],
    notes: [...lowerBounds(sustained), crowding([...steady.values()].flat())],
    plots: [{ name: 'rooms-sustained', title: 'Messages a second sustained, 200 rooms of 10 (medians)', unit: '/s', bars: names.map((name) => ({ name, value: median(rates(name)) })) }],
    raw: { steady: Object.fromEntries(steady), sustained }
  }
}
