import { asAdmin } from '../admin.ts'
import { cpuUs, waitedUs } from '../cpu.ts'
import type { Load, Window } from '../load/commands.ts'
import { type Generator, startGenerator } from './generator.ts'
import { SERVERS_CPU } from './pin.ts'
import { newScope, type Server, type Subject } from './servers.ts'

const QUIET_MS = 300

/** What every scenario runs with. */
export interface Bench {
  /** Fresh processes of each server. */
  readonly rounds: number
  /** Shorter and rougher. */
  readonly isQuick: boolean
  readonly redisUrl: string
  readonly redisPid: number
  /** The gateway as it is, and with FLUSH_MS=5; and its peers. */
  readonly ours: Subject
  readonly merging: Subject
  readonly socketIo: Subject
  readonly textbook: Subject
  readonly floor: Subject | undefined
  /** Tells how far it is. */
  readonly say: (text: string) => void
}

/** A server with the load of its own. */
export interface Rig {
  readonly name: string
  readonly subject: Subject
  /** The first, which is measured; and all replicas. */
  readonly server: Server
  readonly servers: readonly Server[]
  readonly generator: Generator
  stop (): Promise<void>
}

export interface Measured extends Window {
  /** The server's. */
  readonly serverUs: number
  readonly redisUs: number
  /** The server could have run, but others did. */
  readonly waitedUs: number
}

/** A setup that is measured: a server, and a name in the tables. */
export interface Variant {
  readonly name: string
  readonly subject: Subject
  /** 1 where it is not given. */
  readonly replicas?: number
  /** The processor of those but the first; the servers' where it is not given. */
  readonly othersCpu?: number
}

export async function startRig (bench: Bench, variant: Variant): Promise<Rig> {
  const { name, subject, replicas = 1, othersCpu = SERVERS_CPU } = variant
  const scope = newScope()
  const servers = [await subject.start(bench.redisUrl, { scope })]
  while (servers.length < replicas) servers.push(await subject.start(bench.redisUrl, { scope, cpu: othersCpu }))
  const generator = await startGenerator()
  return {
    name,
    subject,
    server: servers[0]!,
    servers,
    generator,
    stop: async () => { await Promise.all([generator.end(), ...servers.map((server) => server.stop())]) }
  }
}

/** Runs a scenario's rounds, each with fresh processes, all up at once so that their windows can take turns. */
export async function eachRound (
  bench: Bench, variants: readonly Variant[], run: (rigs: readonly Rig[], round: number) => Promise<void>
): Promise<void> {
  for (let round = 0; round < bench.rounds; round++) {
    await asAdmin(bench.redisUrl, (admin) => admin.flushall())
    const rigs: Rig[] = []
    try {
      for (const variant of turned(variants, round)) rigs.push(await startRig(bench, variant))
      await run(rigs, round)
    } finally {
      await Promise.all(rigs.map((rig) => rig.stop()))
    }
  }
}

/** Each begins in turn. */
export function turned<Item> (items: readonly Item[], by: number): Item[] {
  const first = by % Math.max(1, items.length)
  return [...items.slice(first), ...items.slice(0, first)]
}

/** One window of load, with the CPU time that the server used for it. */
export async function measure (bench: Bench, { server, generator }: Rig, load: Load): Promise<Measured> {
  const times = async (): Promise<number[]> =>
    await Promise.all([cpuUs(server.pid), cpuUs(bench.redisPid), waitedUs(server.pid)])
  const before = await times()
  const window = await generator.ask('publish', load)
  const [serverUs, redisUs, waited] = (await times()).map((us, index) => us - before[index]!)
  // What comes late is not the next window's.
  if (window.received !== window.expected) await generator.ask('quiet', { forMs: QUIET_MS })
  return { ...window, serverUs: serverUs!, redisUs: redisUs!, waitedUs: waited! }
}
