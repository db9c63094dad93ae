import t from 'tap'
import type { Broker, BrokerListener } from '../../src/broker/broker.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { type MakeWorld, memoryWorld, redisWorld } from '../helpers/replicas.ts'
import { brokerContract, confirms, leaks, orders, unsubscribes } from './broker.contract.ts'
import { type Clause, keep } from './contract.ts'

// Negative controls: the contract is worth what it refuses. Each of these brokers breaks one promise.

/** A message leaks into every room that this replica follows. */
function leaky (broker: Broker): Broker {
  const rooms = new Set<string>()
  return {
    ...forward(broker),
    start: (listener) => broker.start({
      ...bind(listener),
      onEnvelope: (_room, envelope) => { for (const room of rooms) listener.onEnvelope(room, envelope) }
    }),
    subscribe: async (room) => {
      rooms.add(room)
      await broker.subscribe(room)
    }
  }
}

/** UNSUBSCRIBE is lost. */
function forgetful (broker: Broker): Broker {
  return { ...forward(broker), unsubscribe: async () => {} }
}

/** This replica hears every second pair of messages of a room the other way round. */
function reordering (broker: Broker): Broker {
  return {
    ...forward(broker),
    start: (listener) => {
      let held: Parameters<BrokerListener['onEnvelope']> | undefined
      broker.start({
        ...bind(listener),
        onEnvelope: (room, envelope) => {
          if (room === 'red' && held === undefined) {
            held = [room, envelope]
            return
          }
          listener.onEnvelope(room, envelope)
          if (held !== undefined) listener.onEnvelope(...held)
          held = undefined
        }
      })
    }
  }
}

/** `subscribe` resolves when it was asked for, not when it is live. */
function eager (broker: Broker): Broker {
  return {
    ...forward(broker),
    subscribe: async (room) => {
      if (room === 'marks') return await broker.subscribe(room)
      setImmediate(() => { setImmediate(() => { broker.subscribe(room).catch(() => {}) }) })
    }
  }
}

function forward (broker: Broker): Broker {
  return {
    get isUp () { return broker.isUp },
    start: (listener) => broker.start(listener),
    subscribe: (room) => broker.subscribe(room),
    unsubscribe: (room) => broker.unsubscribe(room),
    publish: (room, signal, key) => broker.publish(room, signal, key),
    stop: () => broker.stop()
  }
}

function bind (listener: BrokerListener): BrokerListener {
  return {
    onEnvelope: (room, envelope) => listener.onEnvelope(room, envelope),
    onRestored: (rooms) => listener.onRestored(rooms)
  }
}

const redis = await RedisServer.start()
t.teardown(() => redis.stop())

const worlds: ReadonlyArray<readonly [string, MakeWorld]> = [['memory', memoryWorld], ['Redis', redisWorld(redis)]]
const broken: ReadonlyArray<readonly [string, (broker: Broker) => Broker, Clause]> = [
  ["a room's message that leaks to another room", leaky, leaks],
  ['a lost unsubscribe', forgetful, unsubscribes],
  ['an order that differs between replicas', reordering, orders],
  ['a subscription that is confirmed too early', eager, confirms]
]

for (const [name, make] of worlds) {
  for (const [fault, wrap, clause] of broken) {
    t.test(`the contract on ${name} is red for ${fault}`, async (t) => {
      await t.rejects(keep(clause, make, { ...clause.options, wrap }))
    })
  }
  t.test(`the wrapper alone breaks nothing on ${name}`, async () => {
    for (const clause of brokerContract) await keep(clause, make, { ...clause.options, wrap: forward })
  })
}
