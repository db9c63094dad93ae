import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { RedisPresence } from '../../src/presence/redis.ts'
import { RedisConnections } from '../../src/redis/connections.ts'
import { Keys } from '../../src/redis/keys.ts'
import { LEASE_MS, redisWorld } from '../helpers/replicas.ts'
import { presenceContract } from './presence.contract.ts'
import { holds } from './contract.ts'

const redis = await RedisServer.start()
t.teardown(() => redis.stop())
holds(t, presenceContract, redisWorld(redis))

t.test('a renewal whose answer was lost is no proof that nothing else was', async (t) => {
  const keys = new Keys(`test-${randomBytes(6).toString('hex')}:`)
  const connections = new RedisConnections({ url: redis.url }, 'c', { info: () => {}, warn: () => {}, error: () => {} })
  const presence = new RedisPresence(connections, keys, LEASE_MS)
  let lost = 0
  presence.start(() => { lost++ })
  connections.start()
  t.teardown(async () => {
    await presence.stop(0)
    await connections.stop()
  })
  await eventually('it has a lease', async () => lost === 1)
  await delay(LEASE_MS)
  lost = 0
  const admin = new Redis(redis.url)
  t.teardown(() => admin.disconnect())
  const { commands } = connections
  const call = commands.callBuffer.bind(commands) as (...args: unknown[]) => Promise<unknown>
  let isAnswerLost = true
  t.capture(commands, 'callBuffer', (async (...args: unknown[]) => {
    const answer = await call(...args)
    if (isAnswerLost && args[0] === 'EVALSHA') {
      isAnswerLost = false
      throw new Error('no answer')
    }
    return answer
  }) as typeof commands.callBuffer)
  await admin.del(keys.leases())
  await delay(3 * LEASE_MS)
  t.equal(isAnswerLost, false)
  t.equal(lost, 1)
})

t.test('what is put under a lease that has ended does not outlive its replica', async (t) => {
  const keys = new Keys(`test-${randomBytes(6).toString('hex')}:`)
  const connections = new RedisConnections({ url: redis.url }, 'late', { info: () => {}, warn: () => {}, error: () => {} })
  const leaseMs = 2_000
  const presence = new RedisPresence(connections, keys, leaseMs)
  let lost = 0
  presence.start(() => { lost++ })
  connections.start()
  const admin = new Redis(redis.url)
  t.teardown(async () => {
    admin.disconnect()
    await presence.stop(0)
    await connections.stop()
  })
  await eventually('it has a lease', async () => lost === 1)
  await admin.del(keys.leases())
  await presence.put([{ room: 'general', user: 'ann', connections: 1 }])
  t.equal(await admin.zcard(keys.leases()), 0)
  const now = performance.now.bind(performance)
  t.capture(performance, 'now', () => now() + leaseMs)
  await presence.put([{ room: 'general', user: 'bob', connections: 1 }])
  t.equal(await admin.zcard(keys.leases()), 1)
  t.equal(lost, 2)
})

t.test('a Redis without memory refuses messages, and still knows who is there', async (t) => {
  const full = await RedisServer.start()
  t.teardown(() => full.stop())
  const { a, b, end } = await redisWorld(full)()
  t.teardown(end)
  for (const { presence } of [a, b]) presence.start(() => {})
  await b.broker.subscribe('general')
  await a.presence.put([{ room: 'general', user: 'ann', connections: 1 }])
  await b.presence.put([{ room: 'general', user: 'bob', connections: 1 }])
  const admin = new Redis(full.url)
  t.teardown(() => admin.disconnect())
  await admin.config('SET', 'maxmemory', '1')
  await t.rejects(admin.set('x', '1'), /OOM/)
  await delay(3 * LEASE_MS)
  t.equal((await a.presence.members('general')).count, 2)
  t.strictSame(b.of('general'), ['+ann =1', '+bob =2'])
})
