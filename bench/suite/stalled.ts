import type { Resumed } from '../load/commands.ts'
import { type Bench, eachRound, measure, type Measured, type Rig, type Variant } from './bench.ts'
import { held, type Held } from './held.ts'
import { type Result, short } from './result.ts'
import { median } from './statistics.ts'
import { crowding, medianMs } from './windows.ts'

const READERS = 500
const STALLED = 5
const RATE = 100
const CONTENT_BYTES = 1_024
const FILL = { contentBytes: 16_384, durationMs: 3_000, inFlight: 2 }

interface Outcome {
  readonly name: string
  /** Of the healthy, in windows that take turns. */
  readonly without: Measured[]
  readonly beside: Measured[]
  /** What one that is stalled costs. */
  readonly rssBytes: number
  readonly heldBytes: number
  readonly resumed: readonly Resumed[]
  /** Deliveries to all of them after that. */
  readonly afterwards: Measured
}

/** (f) Readers that stop reading, and the others. */
export async function runStalled (bench: Bench): Promise<Result> {
  const outcomes: Outcome[] = []
  for (const subject of [bench.ours, bench.socketIo]) {
    const variants = ['without', 'beside'].map((name): Variant => ({ name, subject }))
    await eachRound(bench, variants, async (rigs, round) => {
      const without = rigs.find(({ name }) => name === 'without')!
      const beside = rigs.find(({ name }) => name === 'beside')!
      outcomes.push(await compare(bench, subject.name, without, beside))
      bench.say(`f: ${subject.name}, round ${round + 1} of ${bench.rounds}`)
    })
  }
  return report(bench, outcomes)
}

async function compare (bench: Bench, name: string, without: Rig, beside: Rig): Promise<Outcome> {
  const load = {
    pace: { ratePerSecond: RATE }, durationMs: 1_200, contentBytes: CONTENT_BYTES, publishers: 10, sampleEvery: 4
  }
  const rigs = [without, beside]
  for (const { server, subject: { protocol }, generator } of rigs) {
    const members = { port: server.port, protocol, rooms: ['stalled'], concurrency: 50 }
    await generator.ask('connect', { ...members, count: READERS - STALLED })
    await generator.ask('connect', { ...members, count: STALLED })
    await generator.ask('quiet', { forMs: 300 })
  }
  for (const rig of rigs) await measure(bench, rig, load)
  const before = await heldBy(rigs)
  await beside.generator.ask('stall', { count: STALLED })
  // Until the kernel's buffers are full, nobody knows that somebody is stalled.
  for (const { generator } of rigs) {
    await generator.ask('publish', { ...load, ...FILL, pace: { inFlight: FILL.inFlight }, durationMs: FILL.durationMs })
  }
  const windows = { without: [] as Measured[], beside: [] as Measured[] }
  for (let pair = 0; pair < (bench.isQuick ? 3 : 5); pair++) {
    windows.without.push(await measure(bench, without, load))
    windows.beside.push(await measure(bench, beside, load))
  }
  const after = await heldBy(rigs)
  const resumed = await beside.generator.ask('resume', null)
  return {
    name,
    ...windows,
    rssBytes: cost(before, after, 'rssBytes'),
    heldBytes: cost(before, after, 'heldBytes'),
    resumed,
    afterwards: await measure(bench, beside, load)
  }
}

async function heldBy (rigs: readonly Rig[]): Promise<Held[]> {
  return await Promise.all(rigs.map(async ({ server }) => await held(server.child)))
}

/** By how much more the one with stalled readers has grown, for each of them. */
function cost (before: readonly Held[], after: readonly Held[], of: keyof Held): number {
  const [without, beside] = after.map((held, index) => held[of] - before[index]![of])
  return (beside! - without!) / STALLED
}

function report ({ ours }: Bench, outcomes: readonly Outcome[]): Result {
  const names = [...new Set(outcomes.map(({ name }) => name))]
  const of = (name: string): Outcome[] => outcomes.filter((outcome) => outcome.name === name)
  const p99Ms = (name: string, which: 'without' | 'beside'): number =>
    medianMs(of(name).flatMap((outcome) => outcome[which]), 'p99Us')
  const kib = (name: string, what: 'rssBytes' | 'heldBytes'): number =>
    median(of(name).map((outcome) => outcome[what] / 1_024))
  const resumed = of(ours.name).flatMap((outcome) => outcome.resumed)
  return {
    id: 'f',
    title: 'Stalled readers: 1 % of 500',
    setup: `${RATE} messages of 1 KB a second to ${READERS} members; ${STALLED} of them stop reading, and large messages fill the kernel's buffers ` +
      'first. The same load without them, on a server of its own, takes turns with it. Then they read again.',
    tables: [
      {
        title: 'The others, and what it costs',
        columns: ['server', 'pairs', 'p99 ms without', 'p99 ms beside', 'KiB of heap and buffers a stalled reader', 'KiB of RSS'],
        rows: names.map((name) => [
          name,
          String(of(name).reduce((pairs, { beside }) => pairs + beside.length, 0)),
          short(p99Ms(name, 'without')),
          short(p99Ms(name, 'beside')),
          short(kib(name, 'heldBytes')),
          short(kib(name, 'rssBytes'))
        ])
      },
      {
        title: 'The stalled, when they read again',
        columns: ['server', 'readers', 'nothing lost', 'with a gap', 'lost in silence', 'cut off', 'hear all afterwards'],
        rows: names.map((name) => {
          const all = of(name).flatMap((outcome) => outcome.resumed)
          return [
            name,
            String(all.length),
            String(all.filter(({ isOpen, missing }) => isOpen && missing === 0).length),
            String(all.filter((reader) => reader.missing > 0 && isAccountedFor(reader)).length),
            String(all.filter(({ isOpen, missing, gaps }) => isOpen && missing > 0 && gaps === 0).length),
            String(all.filter(({ isOpen }) => !isOpen).length),
            of(name).every(({ afterwards: { expected, received } }) => expected === received) ? 'yes' : 'NO'
          ]
        })
      }
    ],
    verdicts: [
      { what: "the others' p99, times what it is without (medians)", value: p99Ms(ours.name, 'beside') / p99Ms(ours.name, 'without'), bar: { atMost: 1.5 } },
      { what: 'heap and buffers a stalled reader (median)', value: kib(ours.name, 'heldBytes'), bar: { atMost: 512 }, unit: ' KiB' },
      {
        what: 'stalled readers that end with nothing lost, or with a gap',
        value: 100 * resumed.filter(isAccountedFor).length / resumed.length,
        bar: { atLeast: 100 },
        unit: ' %'
      }
    ],
    notes: [crowding(outcomes.flatMap(({ without, beside }) => [...without, ...beside]))],
    plots: [],
    raw: outcomes
  }
}

function isAccountedFor ({ isOpen, missing, gaps }: Resumed): boolean {
  return isOpen && (missing === 0 || gaps > 0)
}
