import { randomBytes } from 'node:crypto'
import type { Broker } from '../../src/broker/broker.ts'
import { MemoryBroker, MemoryBus } from '../../src/broker/memory.ts'
import { RedisBroker } from '../../src/broker/redis.ts'
import type { Log, Retention } from '../../src/log/log.ts'
import { MemoryLog } from '../../src/log/memory.ts'
import { RedisLog } from '../../src/log/redis.ts'
import { MemoryPosition } from '../../src/position/memory.ts'
import type { Bounds, Position } from '../../src/position/position.ts'
import { RedisPosition } from '../../src/position/redis.ts'
import { MemoryPresence, PresenceTable } from '../../src/presence/memory.ts'
import type { Presence } from '../../src/presence/presence.ts'
import { RedisPresence } from '../../src/presence/redis.ts'
import type { Envelope, OutgoingSignal } from '../../src/protocol/entry.ts'
import { RedisConnections } from '../../src/redis/connections.ts'
import { Keys } from '../../src/redis/keys.ts'
import { EventTable, MemoryEventQueue } from '../../src/webhooks/memory.ts'
import type { EventQueue } from '../../src/webhooks/queue.ts'
import { RedisEventQueue } from '../../src/webhooks/redis.ts'
import type { RedisServer } from '../../cluster/redis.ts'
import { Until } from '../../cluster/until.ts'

export interface Heard { readonly room: string, readonly envelope: Envelope, readonly text: string }

/** The ports of one replica, and what it has heard. */
export interface TestReplica {
  readonly broker: Broker
  readonly log: Log
  readonly position: Position
  readonly presence: Presence
  /** What a webhook would be told. */
  readonly events: EventQueue
  readonly heard: Heard[]
  /** Resolves when this replica has heard a content in a room. */
  hears (room: string, content: string): Promise<void>
  /** What it heard of a room, as text, in order. */
  of (room: string): string[]
}

/** Two replicas that share one bus, or one Redis. */
export interface World {
  readonly a: TestReplica
  readonly b: TestReplica
  end (): Promise<void>
}

export interface WorldOptions {
  readonly retention?: Retention
  readonly bounds?: Bounds
  /** Puts a (broken) broker in front of replica a's. */
  readonly wrap?: (broker: Broker) => Broker
  readonly wantedOf?: (room: string) => string
  /** Events that may wait for a webhook. */
  readonly maxWaiting?: number
}

export type MakeWorld = (options?: WorldOptions) => Promise<World>

export const KEEP: Retention = { maxEntries: 500, maxAgeMs: 900_000, latestOnly: false }
/** Of presence: short, because tests wait for it. */
export const LEASE_MS = 500
const ANYWHERE: Bounds = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }
const DEFAULTS: Required<WorldOptions> = {
  retention: KEEP, bounds: ANYWHERE, wrap: (broker) => broker, wantedOf: () => 'ovjl', maxWaiting: 10_000
}

export const memoryWorld: MakeWorld = async (options = {}) => {
  const { retention, bounds, wrap, wantedOf, maxWaiting } = { ...DEFAULTS, ...options }
  const bus = new MemoryBus()
  const log = new MemoryLog(bus, () => retention)
  const position = new MemoryPosition(bus, log, bounds)
  const table = new PresenceTable()
  const waiting = new EventTable()
  const make = (broker: Broker): TestReplica => {
    const events = new MemoryEventQueue({ wantedOf, maxWaiting, leaseMs: LEASE_MS }, waiting)
    const presence = new MemoryPresence(bus, table, (change) => events.append(change))
    return listen({ broker, log, position, presence, events })
  }
  const [a, b] = [make(wrap(new MemoryBroker(bus))), make(new MemoryBroker(bus))]
  return {
    a,
    b,
    end: async () => {
      await a.broker.stop()
      await b.broker.stop()
      await log.stop()
    }
  }
}

/** Both replicas have connections of their own, and a prefix that no other test has. */
export function redisWorld (server: RedisServer): MakeWorld {
  return async (options = {}) => {
    const { retention, bounds, wrap, wantedOf, maxWaiting } = { ...DEFAULTS, ...options }
    const keys = new Keys(`test-${randomBytes(6).toString('hex')}:`)
    const connections = ['a', 'b'].map((name) => new RedisConnections({ url: server.url }, name, silent))
    const outside = { wantedOf, maxWaiting, ttlMs: 600_000, leaseMs: LEASE_MS }
    const [a, b] = connections.map((connection, index) => listen({
      broker: index === 0 ? wrap(new RedisBroker(connection, keys)) : new RedisBroker(connection, keys),
      log: new RedisLog(connection, keys, () => retention),
      position: new RedisPosition(connection, keys, bounds),
      presence: new RedisPresence(connection, keys, LEASE_MS, outside),
      events: new RedisEventQueue(connection, keys, outside)
    })) as [TestReplica, TestReplica]
    await Promise.all(connections.map(async (connection) => {
      const isReady = new Until()
      connection.commands.on('ready', () => isReady.changed())
      connection.subscriber.on('ready', () => isReady.changed())
      connection.start()
      await isReady.true('Redis is connected', () => connection.isReady)
    }))
    return {
      a,
      b,
      end: async () => {
        await Promise.all([a.presence.stop(0), b.presence.stop(0)])
        await Promise.all([a.broker.stop(), b.broker.stop()])
        await Promise.all(connections.map((connection) => connection.stop()))
      }
    }
  }
}

const silent = { info: () => {}, warn: () => {}, error: () => {} }

function textOf (envelope: Envelope): string {
  if (envelope.kind === 'presence') {
    const { joined, left, count } = envelope.change
    return [...joined.map(({ user }) => `+${user}`), ...left.map((user) => `-${user}`), `=${count}`].join(' ')
  }
  return Buffer.from((envelope.kind === 'entry' ? envelope.entry : envelope.signal).content).toString()
}

type Ports = Pick<TestReplica, 'broker' | 'log' | 'position' | 'presence' | 'events'>

function listen (ports: Ports): TestReplica {
  const heard: Heard[] = []
  const until = new Until()
  ports.broker.start({
    onEnvelope: (room, envelope) => {
      heard.push({ room, envelope, text: textOf(envelope) })
      until.changed()
    },
    onRestored: () => {}
  })
  const of = (room: string): string[] => heard.filter((message) => message.room === room).map(({ text }) => text)
  return {
    ...ports,
    heard,
    of,
    hears: (room, content) => until.true(`${content} heard in ${room}`, () => of(room).includes(content))
  }
}

/** A signal with a JSON text as its content. */
export function signal (content: string): OutgoingSignal {
  return { from: '"ann"', content, except: undefined, timestampMs: 1_700_000_000_000 }
}
