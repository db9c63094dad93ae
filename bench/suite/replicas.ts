import { type Bench, eachRound, measure, type Rig, type Variant } from './bench.ts'
import { type Generator, startGenerator } from './generator.ts'
import { GENERATORS_CPU } from './pin.ts'
import { type Plot, type Result, short, type Table } from './result.ts'
import { least, median } from './statistics.ts'

const COUNTS = [1, 2, 4, 8]
const ROOMS = 20
const MEMBERS = 10
const RATE = 500
const OTHERS_ROOMS = 2
const OTHERS_MEMBERS = 5
const OTHERS_RATE = 25
const FOREIGN_RATES = [0, 500, 1_500]
const CONTENT_BYTES = 128
const WINDOW_MS = 1_200

/** Of the first replica, microseconds a message in its own rooms. */
type Costs = Map<number, number[]>

interface Crew { readonly rig: Rig, readonly others: Generator }

/** (g) What the others cost a replica. */
export async function runReplicas (bench: Bench): Promise<Result> {
  const byCount = await asReplicasGrow(bench)
  const foreign = new Map<string, Costs>()
  for (const subject of [bench.ours, bench.socketIo]) foreign.set(subject.name, await asOthersPublish(bench, subject))
  return report(bench, byCount, foreign)
}

async function asReplicasGrow (bench: Bench): Promise<Costs> {
  const costs: Costs = new Map(COUNTS.map((count) => [count, []]))
  const variants = COUNTS.map((count): Variant => ({
    name: String(count), subject: bench.ours, replicas: count, othersCpu: GENERATORS_CPU
  }))
  await eachRound(bench, variants, async (rigs, round) => {
    await withCrews(rigs, async (crews) => {
      for (let window = -1; window < (bench.isQuick ? 3 : 5); window++) {
        for (const crew of crews) {
          const cost = await costOfOwn(bench, crew, OTHERS_RATE * (crew.rig.servers.length - 1))
          if (window >= 0) costs.get(crew.rig.servers.length)!.push(cost)
        }
      }
    })
    bench.say(`g: replicas, round ${round + 1} of ${bench.rounds}`)
  })
  return costs
}

async function asOthersPublish (bench: Bench, subject: Variant['subject']): Promise<Costs> {
  const costs: Costs = new Map(FOREIGN_RATES.map((rate) => [rate, []]))
  const variant = { name: subject.name, subject, replicas: 2, othersCpu: GENERATORS_CPU }
  await eachRound(bench, [variant], async (rigs, round) => {
    await withCrews(rigs, async ([crew]) => {
      for (let window = -1; window < (bench.isQuick ? 3 : 5); window++) {
        for (const rate of FOREIGN_RATES) {
          const cost = await costOfOwn(bench, crew!, rate)
          if (window >= 0) costs.get(rate)!.push(cost)
        }
      }
    })
    bench.say(`g: ${subject.name}, rooms without local members, round ${round + 1} of ${bench.rounds}`)
  })
  return costs
}

/** The first replica's load and that of the others come from generators of their own. */
async function withCrews (rigs: readonly Rig[], run: (crews: readonly Crew[]) => Promise<void>): Promise<void> {
  const crews: Crew[] = []
  try {
    for (const rig of rigs) {
      const crew = { rig, others: await startGenerator() }
      crews.push(crew)
      await fill(crew)
    }
    await run(crews)
  } finally {
    await Promise.all(crews.map(({ others }) => others.end()))
  }
}

async function fill ({ rig: { servers, subject: { protocol }, generator }, others }: Crew): Promise<void> {
  for (const [replica, { port }] of servers.entries()) {
    const [rooms, members] = replica === 0 ? [ROOMS, MEMBERS] : [OTHERS_ROOMS, OTHERS_MEMBERS]
    await (replica === 0 ? generator : others).ask('connect', {
      port,
      protocol,
      rooms: Array.from({ length: rooms }, (_, index) => `replica-${replica}-${index}`),
      count: rooms * members,
      concurrency: 20
    })
  }
  await generator.ask('quiet', { forMs: 300 })
}

async function costOfOwn (bench: Bench, { rig, others }: Crew, othersRate: number): Promise<number> {
  const shape = { durationMs: WINDOW_MS, contentBytes: CONTENT_BYTES, sampleEvery: 4 }
  const beside = othersRate === 0
    ? undefined
    : others.ask('publish', { ...shape, pace: { ratePerSecond: othersRate }, isDrowsy: true })
  const { serverUs, sent } = await measure(bench, rig, { ...shape, pace: { ratePerSecond: RATE } })
  await beside
  return serverUs / sent
}

function report ({ ours }: Bench, byCount: Costs, foreign: ReadonlyMap<string, Costs>): Result {
  const growth = (costs: Costs, of: (values: readonly number[]) => number): number => {
    const keys = [...costs.keys()]
    return 100 * (of(costs.get(keys.at(-1)!)!) / of(costs.get(keys[0]!)!) - 1)
  }
  const oursForeign = foreign.get(ours.name)!
  const bars = (costs: Costs, label: (key: number) => string): Plot['bars'] =>
    [...costs].map(([key, values]) => ({ name: label(key), value: median(values) }))
  return {
    id: 'g',
    title: 'Replicas: what the others cost one',
    setup: `Only the first replica is measured: ${RATE} messages a second from the members of its own ${ROOMS} rooms of ${MEMBERS}. Each other ` +
      `replica has ${OTHERS_ROOMS} rooms of ${OTHERS_MEMBERS} of its own and ${OTHERS_RATE} messages a second, from a generator that sleeps between ` +
      "reads, so that two processors are enough; they run on the generators' processor. Then two replicas, where the members of the " +
      "second's rooms publish more and more: rooms that the first has nobody in.",
    tables: [
      {
        title: '',
        columns: ['replicas', 'n', 'best us CPU a message', 'median', 'than one, %'],
        rows: costRows(byCount, String)
      },
      ...[...foreign].map(([name, costs]): Table => ({
        title: `${name}, messages a second to rooms without local members`,
        columns: ['elsewhere', 'n', 'best us CPU a message', 'median', 'than none, %'],
        rows: costRows(costs, String)
      }))
    ],
    verdicts: [
      { what: 'CPU a message from 1 to 8 replicas, more (medians)', value: growth(byCount, median), bar: { atMost: 10 }, unit: ' %' },
      { what: 'CPU a message from 1 to 8 replicas, more (best)', value: growth(byCount, least), bar: { atMost: 10 }, unit: ' %' },
      {
        what: `CPU of one message to a room without local members (medians, ${FOREIGN_RATES.at(-1)} a second)`,
        value: costOfForeign(oursForeign),
        bar: { atMost: 0.5 },
        unit: ' us'
      }
    ],
    notes: [...foreign].map(([name, costs]) =>
      `${name}: one message to a room without local members costs a replica ${short(costOfForeign(costs))} us (medians).`),
    plots: [{
      name: 'replicas',
      title: 'CPU of one replica a message in its own rooms (medians)',
      unit: 'us',
      bars: bars(byCount, (count) => `${count} replica${count === 1 ? '' : 's'}`)
    }],
    raw: {
      byCount: Object.fromEntries(byCount),
      foreign: Object.fromEntries([...foreign].map(([name, costs]) => [name, Object.fromEntries(costs)]))
    }
  }
}

function costRows (costs: Costs, label: (key: number) => string): string[][] {
  const first = median([...costs.values()][0]!)
  return [...costs].map(([key, values]) => [
    label(key),
    String(values.length),
    short(least(values)),
    short(median(values)),
    short(100 * (median(values) / first - 1))
  ])
}

/** What the own messages seem to cost more is what those elsewhere cost. */
function costOfForeign (costs: Costs): number {
  const [none, most] = [FOREIGN_RATES[0]!, FOREIGN_RATES.at(-1)!]
  return (median(costs.get(most)!) - median(costs.get(none)!)) * RATE / most
}
