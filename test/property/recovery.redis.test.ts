import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { RedisBroker } from '../../src/broker/redis.ts'
import { RedisLog } from '../../src/log/redis.ts'
import { RedisPosition } from '../../src/position/redis.ts'
import { RedisConnections } from '../../src/redis/connections.ts'
import { Keys } from '../../src/redis/keys.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { Until } from '../../cluster/until.ts'
import { FakeTime, turn } from '../unit/fakes.ts'
import { checkCommands } from './commands.ts'
import { KEEP, RealReplica, REPLICAS, ROOM, type World } from './world.ts'

// The same commands as on the embedded log, for the scripts in Redis: fewer, because each takes a round trip.
const RUNS = 100

const redis = await RedisServer.start()
t.teardown(() => redis.stop())
const admin = new Redis(redis.url)
t.teardown(() => admin.disconnect())

async function connect (): Promise<RedisConnections> {
  const connections = new RedisConnections({ url: redis.url }, 'property', { info: () => {}, warn: () => {}, error: () => {} })
  const isReady = new Until()
  for (const connection of [connections.commands, connections.subscriber]) connection.on('ready', () => isReady.changed())
  connections.start()
  await isReady.true('Redis is connected', () => connections.isReady)
  return connections
}

/** A failover to a server that never saw the newest messages. */
async function fork (keys: Keys, count: number): Promise<void> {
  const [meta, stream] = [keys.meta(ROOM), keys.stream(ROOM)]
  const lost = await admin.xrevrange(stream, '+', '-', 'COUNT', count)
  const [first, fields] = lost.at(-1)!
  const seq = Number.parseInt(first, 10) - 1
  await admin.xdel(stream, ...lost.map(([id]) => id))
  if (seq > 0) await admin.call('XSETID', stream, `${seq}-0`)
  else await admin.del(stream)
  await admin.hset(meta, 's', seq, 'i', fields[fields.indexOf('p') + 1]!)
}

async function startWorld (time: FakeTime): Promise<World> {
  const keys = new Keys(`p${randomBytes(6).toString('hex')}:`)
  const all = await Promise.all(Array.from({ length: REPLICAS }, connect))
  // No time passes by itself here.
  const logs = all.map((connections) => new RedisLog(connections, keys, () => KEEP, 0))
  const replicas = await Promise.all(all.map((connections, index) => RealReplica.start({
    broker: new RedisBroker(connections, keys),
    log: logs[index]!,
    position: new RedisPosition(connections, keys, { min: 0, max: 0 })
  })))
  let appended = 0
  return {
    replicas,
    append: async (content) => {
      const log = logs[appended++ % REPLICAS]!
      const receipt = await log.append(ROOM, { from: '"bob"', content: JSON.stringify(content) })
      if (receipt === 'key_reused') throw new Error('there was no key')
      return receipt.cursor
    },
    flush: async () => { await admin.del(keys.meta(ROOM), keys.stream(ROOM)) },
    fork: async (count) => await fork(keys, count),
    settle: async () => {
      for (let step = 0; step < 12; step++) {
        // What Redis had to say before this has been heard.
        await Promise.all(all.map((connections) => connections.ping()))
        await turn()
        time.pass(50)
      }
      await turn()
    },
    end: async () => {
      for (const replica of replicas) await replica.stop()
      for (const connections of all) await connections.stop()
    }
  }
}

t.setTimeout(240_000)
t.test('the same on Redis', async (t: Test) => {
  const time = new FakeTime(t)
  await checkCommands(t, RUNS, () => startWorld(time))
})
