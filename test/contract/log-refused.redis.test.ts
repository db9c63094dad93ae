import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { redisWorld, type TestReplica, type World } from '../helpers/replicas.ts'

// Redis refuses, or has forgotten: nothing may be half done.

const UNAVAILABLE = { name: 'BrokerError', reason: 'unavailable' }
const KEY = { scope: 'user:ann', key: 'k' }

interface Place extends World { readonly admin: Redis, readonly room: string }

/** A world on a Redis of its own, with one message in a room. */
async function start (test: Test, ...options: string[]): Promise<Place> {
  const redis = await RedisServer.start(...options)
  const admin = new Redis(redis.url)
  test.teardown(async () => {
    admin.disconnect()
    await redis.stop()
  })
  const world = await redisWorld(redis)()
  test.teardown(() => world.end())
  const room = `r${randomBytes(4).toString('hex')}`
  await world.b.broker.subscribe(room)
  await world.a.log.append(room, { from: '"ann"', content: '1' })
  await world.b.hears(room, '1')
  return { ...world, admin, room }
}

/** All there is, but for when it goes away. */
async function dump (admin: Redis): Promise<string> {
  const keys = (await admin.keys('*')).sort()
  return JSON.stringify(await Promise.all(keys.map(async (key) => [key, (await admin.dumpBuffer(key)).toString('hex')])))
}

/** Neither to a room with a log nor to one without can be appended; nothing has changed, and nobody heard anything. */
async function isRefused (test: Test, { a, b, admin, room }: Place, refuse: () => Promise<unknown>): Promise<void> {
  const before = await dump(admin)
  await refuse()
  for (const name of [room, `${room}-new`]) {
    for (const key of [undefined, KEY]) {
      await test.rejects(a.log.append(name, { from: '"ann"', content: '2', key }), UNAVAILABLE, name)
    }
  }
  await test.rejects(a.log.open(`${room}-new`, 0, 0), UNAVAILABLE)
  await test.rejects(a.position.move(1, KEY), UNAVAILABLE)
  test.equal(await dump(admin), before)
  test.strictSame(b.of(room), ['1'])
}

async function worksAgain (test: Test, { a, b, room }: Place): Promise<void> {
  const receipt = await a.log.append(room, { from: '"ann"', content: '3', key: KEY })
  test.match(receipt, { cursor: { seq: 2 }, duplicate: false })
  await b.hears(room, '3')
  test.strictSame(b.of(room), ['1', '3'])
  test.match(await a.position.move(1, KEY), { position: 1, cursor: { seq: 1 } })
}

t.test('OOM: memory is full', async (t) => {
  const place = await start(t)
  await isRefused(t, place, () => place.admin.config('SET', 'maxmemory', '1'))
  t.match(await place.a.log.open(place.room, 5, 1_000), { top: { seq: 1 } }, 'what is there can be read')
  await place.admin.config('SET', 'maxmemory', '0')
  await worksAgain(t, place)
})

t.test('READONLY: the server has become a replica', async (t) => {
  const place = await start(t)
  await isRefused(t, place, () => place.admin.replicaof('127.0.0.1', '1'))
  await place.admin.replicaof('NO', 'ONE')
  await connected(place.a)
  await worksAgain(t, place)
})

t.test('NOREPLICAS: too few replicas have what is written', async (t) => {
  const place = await start(t)
  await isRefused(t, place, () => place.admin.config('SET', 'min-replicas-to-write', '1'))
  const { top } = await place.a.log.open(place.room, 5, 1_000)
  t.equal(top.seq, 1, 'what is there can be read')
  t.match(await place.a.log.after(place.room, top), { gap: undefined, entries: [] })
  await place.admin.config('SET', 'min-replicas-to-write', '0')
  await worksAgain(t, place)
})

t.test('NOSCRIPT: the scripts were flushed, or a failover led to a server that never had them', async (t) => {
  const place = await start(t)
  await place.admin.script('FLUSH')
  await worksAgain(t, place)
})

t.test('LOADING: the server has just been started again, and reads its data', async (t) => {
  const place = await start(t, '--enable-debug-command', 'yes', '--loading-process-events-interval-bytes', '1024')
  for (let n = 0; n < 10; n++) await place.admin.set(`filler-${n}`, 'x'.repeat(10_000))
  // So slow that it is met: a tenth of a second for each key.
  await place.admin.config('SET', 'key-load-delay', '100000', 'rdbcompression', 'no')
  const reloaded = place.admin.call('DEBUG', 'RELOAD')
  const append = place.a.log.append(place.room, { from: '"ann"', content: '2', key: KEY })
  await t.rejects(append, { ...UNAVAILABLE, cause: { message: /^LOADING/ } })
  await reloaded
  await worksAgain(t, place)
})

t.test('time is Redis\'s, and does not go back in a room though its clock does', async (t) => {
  const { a, admin, room } = await start(t)
  const [meta] = await admin.keys(`*{${room}}:m`)
  const later = Date.now() + 3_600_000
  await admin.hset(meta!, 't', later)
  await a.log.append(room, { from: '"ann"', content: '2' })
  const { entries } = await a.log.open(room, 5, 10_000)
  t.equal(entries.at(-1)!.timestampMs, later)
})

/** READONLY makes a connection be made anew. */
async function connected ({ log }: TestReplica): Promise<void> {
  await eventually('it has connected anew', () => log.tops(['x']).then(() => true, () => false))
}

t.test('of several messages in one turn, one that cannot be stored harms none of the others', async (t) => {
  const { a, b, admin, room } = await start(t)
  const prefix = (await admin.keys('*:m'))[0]!.replace(/\{.*$/, '')
  // Its stream is ahead of its number, as after somebody wrote into it.
  await a.log.append('ahead', { from: '"ann"', content: '1' })
  await admin.xadd(`${prefix}{ahead}:s`, '999-0', 'i', 'x', 'p', 'x', 't', '1', 'd', '"x"\t\n1')
  const outcomes = await Promise.allSettled([room, 'ahead', room, 'other'].map((name, n) =>
    a.log.append(name, { from: '"ann"', content: String(n + 2) })))
  t.match(outcomes, [
    { value: { cursor: { seq: 2 } } },
    { reason: UNAVAILABLE },
    { value: { cursor: { seq: 3 } } },
    { value: { cursor: { seq: 1 } } }
  ])
  await b.hears(room, '4')
  t.strictSame(b.of(room), ['1', '2', '4'])
  t.match(await admin.hget(`${prefix}{ahead}:m`, 's'), '1', 'nothing of it was done')
})
