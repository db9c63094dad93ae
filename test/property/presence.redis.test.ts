import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { RedisBroker } from '../../src/broker/redis.ts'
import { LocalPresence } from '../../src/presence/local.ts'
import { RedisPresence } from '../../src/presence/redis.ts'
import { RedisConnections } from '../../src/redis/connections.ts'
import { Keys } from '../../src/redis/keys.ts'

const PREFIX = 'walk:'
const LEASE_MS = 1_000
const GRACE_MS = 40
const RUN_MS = 8_000
const SILENT = { info: () => {}, warn: () => {}, error: () => {} }
const ROOMS = ['red', 'a.b:c@d=e', 'blue']
const USERS = ['ann', 'bob "x"', '__proto__', 'é\u2028', '{"user":1}', "o'neil", '漢字', 'constructor']

const redis = await RedisServer.start()
t.teardown(() => redis.stop())

async function connected (name: string): Promise<RedisConnections> {
  const connections = new RedisConnections({ url: redis.url }, name, SILENT)
  connections.start()
  await eventually(`${name} is ready`, async () => connections.isReady)
  return connections
}

function pick<Of> (some: readonly Of[]): Of {
  return some[Math.floor(Math.random() * some.length)]!
}

t.test('whatever three replicas do: events alternate for each user, and all say the same in the end', async (t) => {
  const keys = new Keys(PREFIX)
  const replicas = await Promise.all(['a', 'b', 'c'].map(async (name) => {
    const connections = await connected(name)
    const local = new LocalPresence(new RedisPresence(connections, keys, LEASE_MS), GRACE_MS)
    local.start()
    return { connections, local, held: new Map<string, number>() }
  }))
  const admin = new Redis(redis.url)
  const onlooker = await connected('onlooker')
  const broker = new RedisBroker(onlooker, keys)
  const roster = new Map(ROOMS.map((room) => [room, new Set<string>()]))
  const wrong: string[] = []
  broker.start({
    onEnvelope: (room, envelope) => {
      if (envelope.kind !== 'presence') return
      const users = roster.get(room)!
      for (const user of envelope.change.left) if (!users.delete(user)) wrong.push(`${room}: ${user} left twice`)
      for (const { user } of envelope.change.joined) {
        if (users.has(user)) wrong.push(`${room}: ${user} came twice`)
        users.add(user)
      }
      if (users.size !== envelope.change.count) wrong.push(`${room}: ${users.size} are ${envelope.change.count}`)
    },
    onRestored: () => {}
  })
  for (const room of ROOMS) await broker.subscribe(room)

  const endMs = performance.now() + RUN_MS
  for (let step = 0; performance.now() < endMs; step++) {
    const { local, held, connections } = pick(replicas)
    const [room, user] = [pick(ROOMS), pick(USERS)]
    const place = JSON.stringify([room, user])
    const count = held.get(place) ?? 0
    if (Math.random() < 0.5) {
      local.enter(room, { user, info: Math.random() < 0.3 ? '{"a":"b c"}' : undefined })
      held.set(place, count + 1)
    } else if (count > 0) {
      local.leave(room, user, Math.random() < 0.5)
      held.set(place, count - 1)
    }
    if (step % 7 === 0) void local.members(room).catch(() => {})
    if (step % 400 === 399) connections.commands.disconnect(true)
    if (step % 500 === 499) await admin.script('FLUSH')
    if (Math.random() < 0.3) await delay(Math.random() * 12)
  }
  await delay(GRACE_MS + 2_500)
  t.strictSame([...new Set(wrong)], [])
  for (const room of ROOMS) {
    const isIn = (user: string): boolean =>
      replicas.some(({ held }) => (held.get(JSON.stringify([room, user])) ?? 0) > 0)
    const expected = USERS.filter(isIn).toSorted()
    t.strictSame([...roster.get(room)!].toSorted(), expected, `told of ${room}`)
    for (const { local } of replicas) {
      t.equal((await local.members(room)).count, expected.length, room)
    }
    t.equal(await admin.hlen(keys.users(room)), expected.length)
  }
  await Promise.all(replicas.map(({ local }) => local.stop()))
  t.strictSame(await admin.keys(`${PREFIX}*`), [])
  await broker.stop()
  for (const connections of [onlooker, ...replicas.map(({ connections }) => connections)]) await connections.stop()
  admin.disconnect()
})
