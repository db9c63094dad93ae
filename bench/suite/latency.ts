import { type Bench, eachRound, measure, type Measured, type Variant } from './bench.ts'
import { type Result, short } from './result.ts'
import { least, median } from './statistics.ts'
import { crowding, lost } from './windows.ts'

const RATE = 100
const LISTENERS = 10
const CONTENT_BYTES = 128

/** (e) From a client of one replica to clients of another. */
export async function runLatency (bench: Bench): Promise<Result> {
  const variants = [bench.ours, bench.socketIo, bench.textbook]
    .map((subject): Variant => ({ name: subject.name, subject, replicas: 2 }))
  const windows = new Map<string, Measured[]>(variants.map(({ name }) => [name, []]))
  await eachRound(bench, variants, async (rigs, round) => {
    for (const { servers, subject: { protocol }, generator } of rigs) {
      const [here, there] = servers.map(({ port }) => ({ port, protocol, rooms: ['latency'], concurrency: 1 }))
      await generator.ask('connect', { ...here!, count: 1, isSampled: false })
      await generator.ask('connect', { ...there!, count: LISTENERS })
      await generator.ask('quiet', { forMs: 300 })
    }
    for (let window = -1; window < (bench.isQuick ? 2 : 5); window++) {
      for (const rig of rigs) {
        const measured = await measure(bench, rig, {
          pace: { ratePerSecond: RATE }, durationMs: 1_500, contentBytes: CONTENT_BYTES, publishers: 1, sampleEvery: 1
        })
        // The first is for the compiler.
        if (window >= 0) windows.get(rig.name)!.push(measured)
      }
    }
    bench.say(`e: round ${round + 1} of ${bench.rounds}`)
  })
  return report(bench, windows)
}

function report ({ ours, socketIo }: Bench, windows: ReadonlyMap<string, Measured[]>): Result {
  const names = [...windows.keys()]
  const ms = (name: string, of: 'p50Us' | 'p99Us'): number[] => windows.get(name)!.map((window) => window[of] / 1_000)
  const ratio = (of: 'p50Us' | 'p99Us'): number => median(ms(ours.name, of)) / median(ms(socketIo.name, of))
  return {
    id: 'e',
    title: 'Latency: from one replica to another',
    setup: `Two replicas on one processor, ${RATE} messages a second from a client of the first to ${LISTENERS} of the second, through Redis; ` +
      'windows of 1.5 s, every delivery timed.',
    tables: [{
      title: '',
      columns: ['server', 'n', 'best p50 ms', 'median p50', 'best p99 ms', 'median p99', 'lost'],
      rows: names.map((name) => [
        name,
        String(windows.get(name)!.length),
        short(least(ms(name, 'p50Us'))),
        short(median(ms(name, 'p50Us'))),
        short(least(ms(name, 'p99Us'))),
        short(median(ms(name, 'p99Us'))),
        String(lost(windows.get(name)!))
      ])
    }],
    verdicts: [
      { what: "p50, times Socket.IO's (medians)", value: ratio('p50Us'), bar: { atMost: 0.8 } },
      { what: "p99, times Socket.IO's (medians)", value: ratio('p99Us'), bar: { atMost: 1 } }
    ],
    notes: [crowding([...windows.values()].flat())],
    plots: [{
      name: 'latency',
      title: 'From one replica to another at 100 messages a second (medians)',
      unit: 'ms',
      bars: names.flatMap((name) => [
        { name: `${name}, p50`, value: median(ms(name, 'p50Us')) }, { name: `${name}, p99`, value: median(ms(name, 'p99Us')) }
      ])
    }],
    raw: Object.fromEntries(windows)
  }
}
