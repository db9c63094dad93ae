import { Redis } from 'ioredis'
import t from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { redisWorld } from '../helpers/replicas.ts'
import { holds } from './contract.ts'
import { eventsContract } from './events.contract.ts'

const redis = await RedisServer.start()
t.teardown(() => redis.stop())
holds(t, eventsContract, redisWorld(redis))

t.test('what was delivered before Redis forgot, or went back, takes nothing from what has its numbers now', async (t) => {
  const { a, b, end } = await redisWorld(redis)()
  t.teardown(end)
  const admin = new Redis(redis.url)
  t.teardown(() => admin.disconnect())
  const limits = { maxEvents: 10, maxBytes: 10_000 }
  const enter = async (room: string): Promise<void> => await a.presence.put([{ room, user: 'ann', connections: 1 }])
  const earlier = new Set(await admin.keys('*{$webhooks}:?'))
  await enter('red')
  const keys = (await admin.keys('*{$webhooks}:?')).filter((name) => !earlier.has(name))
  const saved = await Promise.all(keys.map((name) => admin.dumpBuffer(name)))
  await enter('green')
  const before = (await a.events.take(limits))!
  t.equal(before.events.length, 4)
  // It goes back to where only two were, and two others come.
  for (const [n, name] of keys.entries()) await admin.restore(name, 0, saved[n]!, 'REPLACE')
  await enter('blue')
  await a.events.done(before.events.at(-1)!)
  const after = (await b.events.take(limits))!
  const rooms = after.events.map(({ number, body }) => `${number} ${/"room":"(\w+)"/.exec(body)![1]}`)
  t.strictSame(rooms, ['1 red', '2 red', '3 blue', '4 blue'])
  // It forgets all, and more come than there were.
  await admin.del(...keys)
  for (const room of ['one', 'two', 'three', 'four']) await enter(room)
  await b.events.done(after.events.at(-1)!)
  const anew = (await b.events.take(limits))!
  t.strictSame([anew.events.length, anew.events[0]!.number, anew.dropped], [8, 1, 0])
})
