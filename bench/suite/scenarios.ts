import type { Bench } from './bench.ts'
import { runConnects } from './connects.ts'
import { runFanOut } from './fan-out.ts'
import { runLatency } from './latency.ts'
import { runMemory } from './memory.ts'
import { runReplicas } from './replicas.ts'
import type { Result } from './result.ts'
import { runRooms } from './rooms.ts'
import { runStalled } from './stalled.ts'

interface Scenario { readonly what: string, readonly run: (bench: Bench) => Promise<Result> }

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  a: { what: 'fan-out, one room of 1,000', run: runFanOut },
  b: { what: '200 rooms of 10, every member publishing', run: runRooms },
  c: { what: 'idle memory at 10,000 connections, and the heap after 100,000', run: runMemory },
  d: { what: 'connections and joins a second', run: runConnects },
  e: { what: 'latency from one replica to another', run: runLatency },
  f: { what: '1 % of 500 readers stalled', run: runStalled },
  g: { what: 'the cost of one replica as replicas grow, and as rooms elsewhere do', run: runReplicas }
}
