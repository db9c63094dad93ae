import type { Broker } from '../../src/broker/broker.ts'
import { Interest } from '../../src/broker/interest.ts'
import { follow } from '../../src/follow/follow.ts'
import { Hub } from '../../src/hub/hub.ts'
import { MemoryBus } from '../../src/broker/memory.ts'
import { Flusher } from '../../src/hub/flusher.ts'
import { IdleCheck } from '../../src/log/idle-check.ts'
import type { Log, Retention } from '../../src/log/log.ts'
import { SyncCounts } from '../../src/log/sync-counts.ts'
import type { Position } from '../../src/position/position.ts'
import { ALL } from '../../src/protocol/rooms.ts'
import { LocalPresence } from '../../src/presence/local.ts'
import { MemoryPresence } from '../../src/presence/memory.ts'
import { SessionCounts } from '../../src/session/counts.ts'
import { Heartbeat } from '../../src/session/heartbeat.ts'
import { PastPace } from '../../src/session/past-pace.ts'
import type { Services } from '../../src/session/services.ts'

interface Options {
  readonly retention: Retention
  readonly lingerMs?: number
  readonly sendQueueBytes?: number
}

export interface TestServices {
  readonly services: Services
  readonly interest: Interest
  readonly idleCheck: IdleCheck
}

/** A replica without its shell: what sessions are given, with every room a `log` room. */
export async function startServices (
  { broker, log, position }: { broker: Broker, log: Log, position: Position },
  { retention, lingerMs = 0, sendQueueBytes = 1_000 }: Options
): Promise<TestServices> {
  const flusher = new Flusher(0, () => 0, () => 0)
  const hub = new Hub(flusher)
  const idleCheck = new IdleCheck(log)
  const rule = { kind: 'log', publish: 'members', retention, presence: true, presenceMergeAbove: 100 } as const
  const rules = { of: () => rule }
  const parts = { hub, log, position, rules, idleCheck, syncCounts: new SyncCounts(), obey: () => {} }
  const interest = new Interest(broker, (name) => follow(name, parts), lingerMs)
  broker.start(interest)
  await interest.acquire(ALL)
  const now = (): number => 0
  const services: Services = {
    replica: 'gw',
    limits: {
      maxMessageBytes: 65_536,
      sendQueueBytes,
      stallTimeoutMs: 30_000,
      maxRooms: Infinity,
      maxRoomsPerConnection: 8,
      requestsPerSecond: Infinity,
      publishesPerSecond: Infinity,
      bytesPerSecond: Infinity,
      pingIntervalMs: 25_000
    },
    auth: undefined,
    userRates: undefined,
    hub,
    interest,
    log,
    broker,
    position,
    presence: new LocalPresence(new MemoryPresence(new MemoryBus()), 0),
    rules,
    heartbeat: new Heartbeat(0, now),
    flusher,
    pastPace: new PastPace(),
    deflater: undefined,
    counts: new SessionCounts(),
    isShort: () => false,
    now,
    logger: { debug: () => {}, warn: () => {}, error: () => {} },
    warnings: { warn: () => {} }
  }
  return { services, interest, idleCheck }
}
