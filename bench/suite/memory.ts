import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type Bench, eachRound, type Rig, startRig } from './bench.ts'
import { held } from './held.ts'
import { type Result, short } from './result.ts'
import { least, median } from './statistics.ts'

const CONNECTIONS = 10_000
const ROOM_MEMBERS = 10
const CONCURRENCY = 200
const WARM_UP = 500
const CYCLE = 5_000
const CYCLES = 20
const QUICK_CYCLES = 4
// A user who has gone is remembered for 3 s, so that coming back makes no noise.
const FORGOTTEN_MS = 6_000
// And a room that nobody is in any more, with all that is cached of it.
const ROOMS_FORGOTTEN_MS = 25_000
// What a process opens for itself.
const OWN_FILES = 100

interface Idle { readonly name: string, readonly rss: number, readonly held: number }
interface Cycles { readonly connects: number, readonly before: number, readonly after: number }

/** (c) Idle memory, and what is left when all have gone. */
export async function runMemory (bench: Bench): Promise<Result> {
  const most = Math.min(CONNECTIONS, openFiles() - OWN_FILES)
  if (most < CONNECTIONS) bench.say(`c: ulimit -n is ${openFiles()}: ${most} connections instead of ${CONNECTIONS}`)
  const variants = [bench.ours, bench.socketIo, bench.textbook].map((subject) => ({ name: subject.name, subject }))
  const idle: Idle[] = []
  await eachRound(bench, variants, async (rigs, round) => {
    for (const rig of rigs) {
      await open(rig, WARM_UP, 'warm')
      await rig.generator.ask('close', null)
    }
    await delay(FORGOTTEN_MS)
    for (const rig of rigs) idle.push(await idleMemory(rig, most))
    bench.say(`c: round ${round + 1} of ${bench.rounds}`)
  })
  const cycles = await heapOverCycles(bench)
  return report(bench, idle, cycles, most)
}

async function idleMemory (rig: Rig, count: number): Promise<Idle> {
  const { child } = rig.server
  const before = await held(child)
  await open(rig, count, 'idle')
  await rig.generator.ask('quiet', { forMs: 1_500 })
  const after = await held(child)
  await rig.generator.end()
  return {
    name: rig.name,
    rss: (after.rssBytes - before.rssBytes) / count,
    held: (after.heldBytes - before.heldBytes) / count
  }
}

/** Connections come, join rooms that nobody has had before, and go. */
async function heapOverCycles (bench: Bench): Promise<Cycles> {
  const rig = await startRig(bench, { name: bench.ours.name, subject: bench.ours })
  const cycles = bench.isQuick ? QUICK_CYCLES : CYCLES
  let before = 0
  let after = 0
  try {
    for (let cycle = -1; cycle < cycles; cycle++) {
      await open(rig, Math.min(CYCLE, openFiles() - OWN_FILES), `cycle-${cycle + 1}`)
      await rig.generator.ask('close', null)
      if (cycle !== -1 && cycle !== cycles - 1) continue
      await delay(ROOMS_FORGOTTEN_MS)
      const { heldBytes } = await held(rig.server.child)
      if (cycle === -1) before = heldBytes
      else after = heldBytes
    }
  } finally {
    await rig.stop()
  }
  return { connects: cycles * CYCLE, before, after }
}

async function open ({ server, subject, generator }: Rig, count: number, name: string): Promise<void> {
  const rooms = Array.from({ length: Math.ceil(count / ROOM_MEMBERS) }, (_, index) => `${name}-${index}`)
  await generator.ask('connect', {
    port: server.port, protocol: subject.protocol, rooms, count, concurrency: CONCURRENCY
  })
}

function report ({ ours, socketIo, textbook }: Bench, idle: readonly Idle[], cycles: Cycles, count: number): Result {
  const names = [ours, socketIo, textbook].map(({ name }) => name)
  const kib = (name: string, of: 'rss' | 'held'): number[] =>
    idle.filter((one) => one.name === name).map((one) => one[of] / 1_024)
  return {
    id: 'c',
    title: `Memory: ${count.toLocaleString('en-US')} connections that wait`,
    setup: `Each has joined a room of ${ROOM_MEMBERS}. Resident memory after a forced collection, less what it was before ` +
      `(after ${WARM_UP} connections had come and gone). The heap over cycles: ${CYCLE} connections come, join rooms of their own and go, half ` +
      'of them without a goodbye; measured 25 s after the first cycle, and 25 s after the last.',
    tables: [
      {
        title: 'Idle',
        columns: ['server', 'n', 'least KiB of RSS a connection', 'median', 'KiB of heap and buffers, median'],
        rows: names.map((name) => [
          name, String(kib(name, 'rss').length), short(least(kib(name, 'rss'))), short(median(kib(name, 'rss'))),
          short(median(kib(name, 'held')))
        ])
      },
      {
        title: `After ${cycles.connects.toLocaleString('en-US')} connects and joins`,
        columns: ['server', 'heap and buffers before, MiB', 'after', 'more, %'],
        rows: [[
          ours.name, short(cycles.before / 2 ** 20), short(cycles.after / 2 ** 20), short(growth(cycles))
        ]]
      }
    ],
    verdicts: [
      { what: 'RSS a connection with its join (median)', value: median(kib(ours.name, 'rss')), bar: { atMost: 8 }, unit: ' KiB' },
      { what: `heap after ${cycles.connects.toLocaleString('en-US')} connects and joins, more`, value: growth(cycles), bar: { atMost: 5 }, unit: ' %' }
    ],
    notes: [
      `Socket.IO takes ${short(median(kib(socketIo.name, 'rss')) / median(kib(ours.name, 'rss')))} times as much a connection.`
    ],
    plots: [{
      name: 'idle-memory',
      title: 'Resident memory a connection, with its join (medians)',
      unit: 'KiB',
      bars: names.map((name) => ({ name, value: median(kib(name, 'rss')) }))
    }],
    raw: { idle, cycles }
  }
}

function growth ({ before, after }: Cycles): number {
  return 100 * (after / before - 1)
}

/** As `ulimit -n` says it. */
function openFiles (): number {
  return Number(/Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity)
}
