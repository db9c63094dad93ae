import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { type Client, connect } from '../helpers/client.ts'
import { crowd, startCluster } from '../helpers/cluster.ts'
import { GatewayProcess } from '../helpers/process.ts'
import { Roamer } from '../helpers/roamer.ts'

const UNLIMITED = {
  MAX_CONNECTIONS_PER_ADDRESS: '0', RATE_PUBLISHES: '0', RATE_REQUESTS: '0', RATE_CONNECTIONS: '0', MAX_LOOP_DELAY_MS: '0'
}

t.setTimeout(240_000)
const redis = await RedisServer.start()
t.teardown(() => redis.stop())

interface Fleet {
  readonly prefix: string
  readonly gateways: readonly GatewayProcess[]
  readonly urls: readonly string[]
}

async function startFleet (test: Test, count: number, settings: Record<string, string> = {}): Promise<Fleet> {
  const prefix = `t${randomBytes(6).toString('hex')}:`
  const env = { ...UNLIMITED, REDIS_URL: redis.url, REDIS_PREFIX: prefix, PORT: '0', HOST: '127.0.0.1', ...settings }
  const gateways = Array.from({ length: count }, (_, n) => new GatewayProcess(test, { ...env, REPLICA: `gw-${n}` }))
  const ports = await Promise.all(gateways.map((gateway) => gateway.port()))
  await eventually('all are ready', async () => (await Promise.all(ports.map(async (port) =>
    (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200))).every(Boolean))
  return { prefix, gateways, urls: ports.map((port) => `ws://127.0.0.1:${port}/ws`) }
}

async function enter (test: Test, url: string, user: string, room = 'hall'): Promise<Client> {
  const client = await connect(test, `${url}?user=${user}&join=${room}`)
  await client.next('joined')
  return client
}

async function membersOf (client: Client, room = 'hall'): Promise<string[]> {
  const { members } = await client.ask({ type: 'members', room }) as { members?: Array<{ user: string, connections: number }> }
  return members!.map(({ user, connections }) => `${user} ${connections}`)
}

/** How often a client was told that somebody left, by user. */
function leaves ({ presence }: Client): Map<string, number> {
  const told = new Map<string, number>()
  for (const { event, user, left } of presence) {
    for (const name of event === 'leave' ? [user as string] : (left ?? []) as string[]) told.set(name, (told.get(name) ?? 0) + 1)
  }
  return told
}

async function keysOf (prefix: string): Promise<string[]> {
  const admin = new Redis(redis.url)
  try {
    return (await admin.keys(`${prefix}*`)).filter((key) => /:(u|p:[^}]*)$|leases$|rooms:/.test(key))
  } finally {
    admin.disconnect()
  }
}

t.test('sixty users on three replicas, some on two tabs; one replica is killed', async (t) => {
  const { gateways, urls } = await startFleet(t, 3)
  const names = Array.from({ length: 60 }, (_, n) => `user-${String(n).padStart(2, '0')}`)
  const clients = await Promise.all(names.map((user, n) => enter(t, urls[n % 3]!, user)))
  // Every fifth has another tab, on the next replica.
  const second = names.flatMap((user, n) => n % 5 === 0 ? [{ user, at: (n + 1) % 3 }] : [])
  await Promise.all(second.map(({ user, at }) => enter(t, urls[at]!, user)))
  const expected = names.map((user, n) => `${user} ${n % 5 === 0 ? 2 : 1}`)
  for (const client of clients.slice(0, 3)) await eventually('all are members', async () => String(await membersOf(client)) === String(expected))

  const killedMs = performance.now()
  gateways[2]!.child.kill('SIGKILL')
  const isGone = (n: number): boolean => n % 3 === 2 && n % 5 !== 0
  const gone = names.filter((_, n) => isGone(n))
  const survivors = clients.filter((_, n) => n % 3 !== 2)
  await Promise.all(survivors.map((client) =>
    client.until('all who were there have left', () => leaves(client).size === gone.length)))
  const tookMs = performance.now() - killedMs
  t.comment(`leaves of ${gone.length} users told to all after ${Math.round(tookMs)} ms`)
  t.ok(tookMs < 6_000)
  const left = names.flatMap((user, n) => isGone(n)
    ? []
    : [`${user} ${n % 5 === 0 ? 2 - Number(n % 3 === 2) - Number((n + 1) % 3 === 2) : 1}`])
  for (const client of survivors) {
    t.strictSame([...leaves(client)].toSorted(), gone.map((user) => [user, 1]), 'each once')
  }
  for (const client of survivors.slice(0, 2)) t.strictSame(await membersOf(client), left)
})

t.test('a survivor that dies while it tells of the dead: nobody is told twice, and members are right', async (t) => {
  const { gateways, urls } = await startFleet(t, 4, { PRESENCE_LEASE_MS: '3000' })
  const rooms = Array.from({ length: 300 }, (_, n) => `room-${n}`)
  const dead = await connect(t, `${urls[3]!}?user=dead`)
  for (const room of rooms.slice(0, 100)) await dead.ask({ type: 'join', room })
  const others = await Promise.all([0, 1, 2].map(async (n) => {
    const witness = await connect(t, `${urls[n]!}?user=witness-${n}`)
    for (const room of rooms.slice(0, 100)) await witness.ask({ type: 'join', room })
    return witness
  }))
  gateways[3]!.child.kill('SIGKILL')
  const [first, second] = others
  await first!.until('somebody begins to tell', () => leaves(first!).size > 0)
  gateways[2]!.child.kill('SIGKILL')
  const isTold = ({ presence }: Client, user: string): number =>
    presence.filter((frame) => frame['event'] === 'leave' && frame['user'] === user).length
  for (const witness of [first!, second!]) {
    await witness.until('of both in all rooms', () =>
      isTold(witness, 'dead') === 100 && isTold(witness, 'witness-2') === 100, 15_000)
    t.strictSame(await membersOf(witness, 'room-7'), ['witness-0 1', 'witness-1 1'])
  }
  await first!.settle()
  t.equal(isTold(first!, 'dead'), 100)
  t.equal(isTold(second!, 'dead'), 100)
})

t.test('a replica that stood still for longer than its lease has its members again when it goes on', async (t) => {
  const { gateways, urls } = await startFleet(t, 2, { PRESENCE_LEASE_MS: '1000' })
  const ann = await enter(t, urls[0]!, 'ann')
  await enter(t, urls[1]!, 'bob')
  await ann.until('bob has come', () => ann.presence.length === 1)
  gateways[1]!.child.kill('SIGSTOP')
  await ann.until('bob has left', () => leaves(ann).has('bob'))
  t.strictSame(await membersOf(ann), ['ann 1'])
  gateways[1]!.child.kill('SIGCONT')
  await ann.until('bob is back', () => ann.presence.length === 3)
  t.strictSame(await membersOf(ann), ['ann 1', 'bob 1'])
})

t.test('a Redis that lost everything knows who is there within one lease', async (t) => {
  const { urls, prefix } = await startFleet(t, 2)
  const ann = await enter(t, urls[0]!, 'ann')
  await enter(t, urls[1]!, 'bob')
  const admin = new Redis(redis.url)
  t.teardown(() => admin.disconnect())
  const keys = await admin.keys(`${prefix}*`)
  await admin.del(...keys)
  const lostMs = performance.now()
  await eventually('all are members', async () => (await membersOf(ann)).join() === 'ann 1,bob 1')
  t.ok(performance.now() - lostMs < 5_000)
})

t.test('replicas that end one after the other leave no ghost, and nothing when all have gone', async (t) => {
  const { gateways, urls, prefix } = await startFleet(t, 2, { DRAIN_MS: '200', PRESENCE_GRACE_MS: '1000' })
  const ann = await enter(t, urls[0]!, 'ann')
  const bob = await enter(t, urls[1]!, 'bob')
  await ann.until('bob has come', () => ann.presence.length === 1)
  gateways[1]!.child.kill('SIGTERM')
  await bob.closed
  const again = await enter(t, urls[0]!, 'bob')
  t.match(await gateways[1]!.ended, { code: 0 })
  await eventually('one connection of each', async () => (await membersOf(ann)).join() === 'ann 1,bob 1')
  t.equal(leaves(ann).size, 0, 'bob was back in time')
  again.socket.close()
  await ann.until('bob has left', () => leaves(ann).has('bob'))
  gateways[0]!.child.kill('SIGTERM')
  t.match(await gateways[0]!.ended, { code: 0 })
  t.strictSame(await keysOf(prefix), [])
})

t.test('a Redis that comes back as it was some time ago makes no ghost', async (t) => {
  const own = await RedisServer.start()
  t.teardown(() => own.stop())
  const { urls } = await startFleet(t, 2, { REDIS_URL: own.url })
  const ann = await enter(t, urls[0]!, 'ann')
  const bob = await enter(t, urls[1]!, 'bob')
  await bob.ask({ type: 'join', room: 'yard' })
  await ann.until('bob has come', () => ann.presence.length === 1)
  const admin = new Redis(own.url)
  t.teardown(() => admin.disconnect())
  admin.on('error', () => {})
  await admin.save()
  for (const room of ['hall', 'yard']) await bob.ask({ type: 'leave', room })
  await ann.until('bob has left', () => leaves(ann).has('bob'))
  await own.kill()
  await own.run()
  const hall = async (room: string): Promise<unknown> => (await ann.ask({ type: 'members', room }))['count']
  await eventually('Redis is back', async () => await hall('hall') !== undefined)
  await eventually('bob is in neither room', async () => await hall('hall') === 1 && await hall('yard') === 0, 6_000)
  // Events are not numbered: whoever is not subscribed yet misses them.
  await eventually('her replica hears the room again', async () => {
    ann.send({ type: 'message', room: 'hall', content: 'anybody?', ephemeral: true })
    return ann.frames.some(({ content }) => content === 'anybody?')
  })
  const carl = await enter(t, urls[1]!, 'carl')
  await ann.until('carl has come', () => ann.presence.at(-1)?.['user'] === 'carl')
  t.equal(ann.presence.at(-1)!['count'], 2)
  t.match(await carl.ask({ type: 'members', room: 'hall' }), { count: 2 })
})

t.test('a Redis that stood still for longer than a lease made nobody leave', async (t) => {
  const own = await RedisServer.start()
  t.teardown(() => own.stop())
  const { urls } = await startFleet(t, 3, { REDIS_URL: own.url, PRESENCE_LEASE_MS: '3000' })
  const [ann] = await Promise.all(urls.map((url, n) => enter(t, url, `user-${n}`)))
  await eventually('all are there', async () => (await membersOf(ann!)).length === 3)
  own.freeze(true)
  await delay(4_500)
  own.freeze(false)
  await eventually('all are there', async () => (await ann!.ask({ type: 'members', room: 'hall' }))['count'] === 3)
  await delay(4_000)
  t.strictSame([...leaves(ann!)], [])
})

t.test('replicas that end at the same time leave nothing behind', async (t) => {
  const { gateways, urls, prefix } = await startFleet(t, 3, { DRAIN_MS: '200' })
  await Promise.all(urls.map((url, n) => enter(t, url, `user-${n}`)))
  for (const { child } of gateways) child.kill('SIGTERM')
  for (const { ended } of gateways) t.match(await ended, { code: 0 })
  t.strictSame(await keysOf(prefix), [])
})

t.test('a rolling restart of all replicas is not noticed by a user who looks on', async (t) => {
  const { cluster } = await startCluster(t, { DRAIN_MS: '1000' })
  const watcher = await Roamer.start(t, cluster.ws, 'yard', 'watcher')
  const roamers = await crowd(t, cluster, 12)
  const everyone = [...roamers.map(({ user }) => `${user} 1`), 'watcher 1'].toSorted()
  const members = async (): Promise<string[]> => await membersOf(await connect(t, `${cluster.ws}?user=asks`), 'yard')
  await eventually('all are there', async () => String(await members()) === String(everyone))
  for (const replica of cluster.replicas) {
    await replica.stop('SIGTERM')
    await replica.start()
    await eventually('all are there, each once', async () => String(await members()) === String(everyone))
  }
  t.strictSame(watcher.left, [], 'nobody was said to have left')
})
