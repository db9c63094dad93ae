import { cpuUs } from '../cpu.ts'
import { type Bench, eachRound } from './bench.ts'
import { type Result, short } from './result.ts'
import { least, median, most } from './statistics.ts'

const CONNECTIONS = 4_000
const ROOM_MEMBERS = 10
const CONCURRENCY = 200

interface Rush { readonly name: string, readonly perSecond: number, readonly serverUs: number }

/** (d) Connections and joins a second. */
export async function runConnects (bench: Bench): Promise<Result> {
  const variants = [bench.ours, bench.socketIo, bench.textbook].map((subject) => ({ name: subject.name, subject }))
  const rushes: Rush[] = []
  const rooms = Array.from({ length: CONNECTIONS / ROOM_MEMBERS }, (_, index) => `rush-${index}`)
  await eachRound(bench, variants, async (rigs, round) => {
    // The first rush is for the compiler.
    for (let rush = 0; rush < (bench.isQuick ? 2 : 4); rush++) {
      for (const { name, server, subject, generator } of rigs) {
        const before = await cpuUs(server.pid)
        const { tookMs } = await generator.ask('connect', {
          port: server.port, protocol: subject.protocol, rooms, count: CONNECTIONS, concurrency: CONCURRENCY
        })
        const serverUs = (await cpuUs(server.pid) - before) / CONNECTIONS
        if (rush > 0) rushes.push({ name, perSecond: CONNECTIONS / tookMs * 1_000, serverUs })
        await generator.ask('close', null)
      }
    }
    bench.say(`d: round ${round + 1} of ${bench.rounds}`)
  })
  return report(variants.map(({ name }) => name), rushes)
}

function report (names: readonly string[], rushes: readonly Rush[]): Result {
  const of = (name: string, what: 'perSecond' | 'serverUs'): number[] =>
    rushes.filter((rush) => rush.name === name).map((rush) => rush[what])
  const [ours, socketIo] = names as [string, string]
  return {
    id: 'd',
    title: 'Connections and joins a second',
    setup: `${CONNECTIONS} connections, ${CONCURRENCY} at a time, each into a room of ${ROOM_MEMBERS}; from connect() until the server has ` +
      'said that the room is joined.',
    tables: [{
      title: '',
      columns: ['server', 'n', 'best a second', 'median', 'least us CPU a connection', 'median'],
      rows: names.map((name) => [
        name, String(of(name, 'perSecond').length), short(most(of(name, 'perSecond'))), short(median(of(name, 'perSecond'))),
        short(least(of(name, 'serverUs'))), short(median(of(name, 'serverUs')))
      ])
    }],
    verdicts: [{
      what: "connections a second, times Socket.IO's (medians)",
      value: median(of(ours, 'perSecond')) / median(of(socketIo, 'perSecond')),
      bar: { atLeast: 1.3 }
    }],
    notes: [],
    plots: [{
      name: 'connects',
      title: 'Connections and joins a second (medians)',
      unit: '/s',
      bars: names.map((name) => ({ name, value: median(of(name, 'perSecond')) }))
    }],
    raw: rushes
  }
}
