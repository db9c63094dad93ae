import { setTimeout as delay } from 'node:timers/promises'
import { cpuUs } from '../cpu.ts'
import { type Bench, eachRound, measure, type Rig, type Variant } from './bench.ts'
import { type Generator, startGenerator } from './generator.ts'
import { GENERATORS_CPU } from './pin.ts'
import { type Result, short } from './result.ts'
import { least, median } from './statistics.ts'

const COUNTS = [1, 2, 4, 8]
const ROOMS = 20
const MEMBERS = 10
const RATE = 500
const OTHERS_ROOMS = 2
const OTHERS_MEMBERS = 5
const OTHERS_RATE = 25
const FOREIGN_RATE = 1_000
const SHAPE = { durationMs: 1_200, contentBytes: 128, sampleEvery: 4 }

/** Of the first replica, microseconds a message in its own rooms. */
type Costs = Map<number, number[]>

interface Crew { readonly rig: Rig, readonly others: Generator }

/** (g) What the others cost a replica. */
export async function runReplicas (bench: Bench): Promise<Result> {
  const byCount = await asReplicasGrow(bench)
  const foreign = new Map<string, number[]>()
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

async function asOthersPublish (bench: Bench, subject: Variant['subject']): Promise<number[]> {
  const costs: number[] = []
  const variant = { name: subject.name, subject, replicas: 2, othersCpu: GENERATORS_CPU }
  await eachRound(bench, [variant], async (rigs, round) => {
    await withCrews(rigs, async ([crew]) => {
      for (let window = -1; window < (bench.isQuick ? 3 : 5); window++) {
        const cost = await costOfForeign(crew!)
        if (window >= 0) costs.push(cost)
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
  const beside = othersRate === 0
    ? undefined
    : others.ask('publish', { ...SHAPE, pace: { ratePerSecond: othersRate }, isDrowsy: true })
  const { serverUs, sent } = await measure(bench, rig, { ...SHAPE, pace: { ratePerSecond: RATE } })
  await beside
  return serverUs / sent
}

/** A message to rooms of the second replica alone, less what the first uses when nothing happens. */
async function costOfForeign ({ rig: { server }, others }: Crew): Promise<number> {
  const start = await cpuUs(server.pid)
  await delay(SHAPE.durationMs)
  const idleUs = await cpuUs(server.pid) - start
  const before = await cpuUs(server.pid)
  const { sent, tookMs, lateMs } = await others.ask('publish', { ...SHAPE, pace: { ratePerSecond: FOREIGN_RATE } })
  const busyUs = await cpuUs(server.pid) - before
  return (busyUs - idleUs * (tookMs + lateMs) / SHAPE.durationMs) / sent
}

function report ({ ours }: Bench, byCount: Costs, foreign: ReadonlyMap<string, number[]>): Result {
  const growth = (of: (values: readonly number[]) => number): number =>
    100 * (of(byCount.get(COUNTS.at(-1)!)!) / of(byCount.get(COUNTS[0]!)!) - 1)
  const first = median(byCount.get(COUNTS[0]!)!)
  return {
    id: 'g',
    title: 'Replicas: what the others cost one',
    setup: `Only the first replica is measured: ${RATE} messages a second from the members of its own ${ROOMS} rooms of ${MEMBERS}. Each other ` +
      `replica has ${OTHERS_ROOMS} rooms of ${OTHERS_MEMBERS} of its own and ${OTHERS_RATE} messages a second, from a generator that sleeps between ` +
      "reads, so that two processors are enough; they run on the generators' processor. Then two replicas, where the first has " +
      `members and nothing to do, and ${FOREIGN_RATE} messages a second go to rooms that only the second has members in.`,
    tables: [
      {
        title: 'Messages in its own rooms',
        columns: ['replicas', 'n', 'best us CPU a message', 'median', 'than one, %'],
        rows: [...byCount].map(([count, costs]) => [
          String(count),
          String(costs.length),
          short(least(costs)),
          short(median(costs)),
          short(100 * (median(costs) / first - 1))
        ])
      },
      {
        title: 'Messages to rooms without local members',
        columns: ['server', 'n', 'best us CPU a message', 'median'],
        rows: [...foreign].map(([name, costs]) => [
          name, String(costs.length), short(least(costs)), short(median(costs))
        ])
      }
    ],
    verdicts: [
      { what: 'CPU a message from 1 to 8 replicas, more (medians)', value: growth(median), bar: { atMost: 10 }, unit: ' %' },
      { what: 'CPU a message from 1 to 8 replicas, more (best)', value: growth(least), bar: { atMost: 10 }, unit: ' %' },
      {
        what: 'CPU of a message to a room without local members (median)',
        value: median(foreign.get(ours.name)!),
        // What cannot be told from nothing.
        bar: { atMost: 0.5 },
        unit: ' us'
      }
    ],
    notes: [],
    plots: [{
      name: 'replicas',
      title: 'CPU of one replica a message in its own rooms (medians)',
      unit: 'us',
      bars: [...byCount].map(([count, costs]) => ({
        name: `${count} replica${count === 1 ? '' : 's'}`, value: median(costs), isOurs: true
      }))
    }],
    raw: { byCount: Object.fromEntries(byCount), foreign: Object.fromEntries(foreign) }
  }
}
