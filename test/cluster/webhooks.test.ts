import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { type Client, connect } from '../helpers/client.ts'
import { figuresOf } from '../helpers/metrics.ts'
import { GatewayProcess } from '../helpers/process.ts'
import { take, type ToldEvent, WebhookTarget } from '../helpers/webhook-target.ts'

const UNLIMITED = {
  MAX_CONNECTIONS_PER_ADDRESS: '0', RATE_REQUESTS: '0', RATE_CONNECTIONS: '0', RATE_HTTP: '0', MAX_LOOP_DELAY_MS: '0'
}

t.setTimeout(240_000)
const redis = await RedisServer.start()
t.teardown(() => redis.stop())

interface Member { readonly gateway: GatewayProcess, readonly http: string, readonly ws: string }

async function startFleet (
  test: Test, target: WebhookTarget, settings: Record<string, string> = {}, server = redis, count = 3
): Promise<{ fleet: Member[], add: (name: string) => Promise<Member> }> {
  const env = {
    ...UNLIMITED,
    REDIS_URL: server.url,
    REDIS_PREFIX: `t${randomBytes(6).toString('hex')}:`,
    PORT: '0',
    HOST: '127.0.0.1',
    PRESENCE_LEASE_MS: '2000',
    ...target.settings,
    ...settings
  }
  const add = async (name: string): Promise<Member> => {
    const gateway = new GatewayProcess(test, { ...env, REPLICA: name })
    return { gateway, ...await gateway.ready() }
  }
  return { fleet: await Promise.all(Array.from({ length: count }, (_, n) => add(`gw-${n}`))), add }
}

async function enter (test: Test, { ws }: Member, user: string, ...rooms: readonly string[]): Promise<Client> {
  const client = await connect(test, `${ws}?user=${user}`)
  for (const room of rooms) await client.ask({ type: 'join', room })
  return client
}

/** How many batches each has sent. */
async function sentBy (fleet: readonly Member[]): Promise<number[]> {
  return await Promise.all(fleet.map(async ({ http }) => {
    const figures = await figuresOf(http)
    return [...figures].filter(([name]) => name.startsWith('webhook_attempts')).reduce((sum, [, value]) => sum + value, 0)
  }))
}

async function delivererOf (fleet: readonly Member[]): Promise<number> {
  const sent = await sentBy(fleet)
  return sent.indexOf(Math.max(...sent))
}

/** What was told of one room, in the order of their first coming, as `type user`. */
function of (events: readonly ToldEvent[], room: string): string[] {
  return events.filter((event) => event.room === room).map(({ type, user }) => [type, user].filter(Boolean).join(' '))
}

function once (test: Test, { deliveries }: WebhookTarget): void {
  const ids = deliveries.flatMap(({ events }) => events.map(({ id }) => id))
  test.equal(new Set(ids).size, ids.length, 'no event came twice')
}

t.test('sixty users come and go on three replicas: each event once, from one replica, each room in order', async (t) => {
  const target = await WebhookTarget.start(t)
  const { fleet } = await startFleet(t, target)
  const rooms = ['red', 'green', 'blue']
  const clients = await Promise.all(Array.from({ length: 60 }, (_, n) => enter(t, fleet[n % 3]!, `u${n}`, 'hall', rooms[n % 7 % 3]!, 'live:x')))
  for (let n = 0; n < 20; n++) {
    // A room that flaps: whoever comes next is on another replica.
    const client = clients[n]!
    await client.ask({ type: 'join', room: 'flap' })
    await client.ask({ type: 'members', room: 'flap' })
    await client.ask({ type: 'leave', room: 'flap' })
    await client.ask({ type: 'members', room: 'hall' })
  }
  await Promise.all(clients.map(async (client) => {
    for (const room of ['hall', ...rooms, 'live:x']) await client.ask({ type: 'leave', room })
  }))
  await target.hears('room.vacated hall', 'room.vacated live:x', ...rooms.map((room) => `room.vacated ${room}`))
  once(t, target)
  const { taken } = target
  for (const room of ['hall', ...rooms]) {
    const told = of(taken, room)
    t.equal(told[0], 'room.occupied')
    t.equal(told.at(-1), 'room.vacated')
    const users = room === 'hall' ? 60 : told.filter((text) => text.startsWith('member.joined')).length
    t.equal(told.length, 2 + 2 * users, `${room}: ${users} users`)
    for (const text of told.filter((each) => each.startsWith('member.joined'))) {
      t.ok(told.indexOf(text.replace('joined', 'left')) > told.indexOf(text), text)
    }
  }
  t.strictSame(of(taken, 'live:x'), ['room.occupied', 'room.vacated'])
  t.strictSame(of(taken, 'flap'), Array.from({ length: 20 }, (_, n) =>
    ['room.occupied', `member.joined u${n}`, `member.left u${n}`, 'room.vacated']).flat())
  const sent = await sentBy(fleet)
  t.equal(sent.filter((count) => count > 0).length, 1, `batches: ${sent.join()}`)
  t.equal(target.mostOpen, 1)
  t.comment(`${taken.length} events in ${target.deliveries.length} batches`)
  t.strictSame(target.bad, [])
})

t.test('the replica that delivers is killed midway: none is lost, and what comes again has the same ids', async (t) => {
  const target = await WebhookTarget.start(t)
  const { fleet } = await startFleet(t, target)
  const [first] = fleet
  await enter(t, first!, 'ann', 'start')
  await target.hears('member.joined start ann')
  const deliverer = await delivererOf(fleet)
  const others = fleet.filter((_, n) => n !== deliverer)
  // The batch is under way when it dies: whether it was taken, nobody knows.
  target.answer = () => {}
  const before = target.deliveries.length
  const bob = await enter(t, others[0]!, 'bob', 'a', 'b')
  await target.until.true('a batch is under way', () => target.deliveries.length > before)
  const underWay = target.deliveries.at(-1)!
  const carl = await enter(t, others[1]!, 'carl', 'a', 'c')
  await bob.ask({ type: 'members', room: 'a' })
  await carl.ask({ type: 'leave', room: 'a' })
  await carl.ask({ type: 'members', room: 'a' })
  const killedMs = performance.now()
  fleet[deliverer]!.gateway.child.kill('SIGKILL')
  target.answer = take
  await target.hears('member.left a carl', 'room.occupied c')
  t.comment(`another one delivers after ${Math.round(performance.now() - killedMs)} ms`)
  const same = target.deliveries.filter(({ id }) => id === underWay.id)
  t.ok(same.length >= 2, 'the same batch')
  t.equal(new Set(same.map(({ body }) => body)).size, 1)
  t.strictSame(of(target.taken, 'a'), ['room.occupied', 'member.joined bob', 'member.joined carl', 'member.left carl'])
  t.strictSame(of(target.taken, 'b'), ['room.occupied', 'member.joined bob'])
  t.equal((await sentBy(others)).filter((count) => count > 0).length, 1)
})

t.test('what a killed replica held is told of once', async (t) => {
  const target = await WebhookTarget.start(t)
  const { fleet } = await startFleet(t, target)
  const rooms = Array.from({ length: 40 }, (_, n) => `room-${n}`)
  await enter(t, fleet[0]!, 'ann', ...rooms.slice(0, 20))
  const other = await enter(t, fleet[1]!, 'bob', ...rooms, 'live:x')
  await other.ask({ type: 'members', room: 'room-0' })
  fleet[1]!.gateway.child.kill('SIGKILL')
  await target.hears(...rooms.map((room) => `member.left ${room} bob`), 'room.vacated live:x', 'room.vacated room-39')
  await enter(t, fleet[2]!, 'carl', 'marker')
  await target.hears('member.joined marker carl')
  const vacated = target.taken.filter(({ type, room }) => type === 'room.vacated' && room !== 'live:x').map(({ room }) => room)
  t.strictSame(vacated.toSorted(), rooms.slice(20).toSorted())
  t.equal(target.taken.filter(({ type }) => type === 'member.left').length, 40)
})

t.test('replicas that end one after the other hand over: each event once', async (t) => {
  const target = await WebhookTarget.start(t)
  const { fleet, add } = await startFleet(t, target, { DRAIN_MS: '200', PRESENCE_GRACE_MS: '500' })
  let all = [...fleet]
  for (let n = 0; n < 3; n++) {
    await enter(t, all[0]!, `user-${n}`, `room-${n}`)
    await target.hears(`member.joined room-${n} user-${n}`)
    const deliverer = all[await delivererOf(all)]!
    const client = await enter(t, deliverer, `last-${n}`, `room-${n}`)
    await client.ask({ type: 'members', room: `room-${n}` })
    deliverer.gateway.child.kill('SIGTERM')
    t.match(await deliverer.gateway.ended, { code: 0 })
    await target.hears(`member.left room-${n} last-${n}`)
    all = [...all.filter((each) => each !== deliverer), await add(`new-${n}`)]
  }
  once(t, target)
})

t.test('a target that was away for a while, while its senders are killed too, is told everything', async (t) => {
  const target = await WebhookTarget.start(t)
  await target.stop()
  const { fleet, add } = await startFleet(t, target, {}, redis, 2)
  const ann = await enter(t, fleet[0]!, 'ann', 'a')
  await ann.ask({ type: 'members', room: 'a' })
  await eventually('both have tried in turn', async () => (await sentBy(fleet)).every((count) => count >= 1))
  for (const { gateway } of fleet) {
    gateway.child.kill('SIGKILL')
    await gateway.ended
  }
  await target.listen()
  await add('late')
  await target.hears('room.vacated a')
  t.strictSame(of(target.taken, 'a'), ['room.occupied', 'member.joined ann', 'member.left ann', 'room.vacated'])
  once(t, target)
})

t.test('a Redis that is killed and has saved everything loses no event', async (t) => {
  const own = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always')
  t.teardown(() => own.stop())
  const target = await WebhookTarget.start(t)
  const { fleet } = await startFleet(t, target, {}, own)
  const ann = await enter(t, fleet[0]!, 'ann', 'a')
  await target.hears('member.joined a ann')
  target.answer = (response) => response.writeHead(503).end()
  const bob = await enter(t, fleet[1]!, 'bob', 'a')
  await bob.ask({ type: 'members', room: 'a' })
  await own.kill()
  await own.run()
  target.answer = take
  await target.hears('member.joined a bob')
  await eventually('Redis is back', async () => (await ann.ask({ type: 'leave', room: 'a' }))['type'] === 'left')
  await target.hears('member.left a ann')
  t.strictSame(of(target.taken, 'a'), ['room.occupied', 'member.joined ann', 'member.joined bob', 'member.left ann'])
})

t.test('a Redis that lost everything is told anew who is there, under ids that were never used', async (t) => {
  const own = await RedisServer.start()
  t.teardown(() => own.stop())
  const target = await WebhookTarget.start(t)
  const { fleet } = await startFleet(t, target, {}, own)
  await Promise.all(fleet.map((member, n) => enter(t, member, `u${n}`, 'a')))
  await target.until.true('all are there', () => of(target.taken, 'a').length === 4)
  await own.kill()
  await own.run()
  await target.until.true('all are told of anew', () => of(target.taken, 'a').length === 8)
  const [before, after] = [target.taken.slice(0, 4), target.taken.slice(4)].map((events) => of(events, 'a').toSorted())
  t.strictSame(after, before)
  once(t, target)
})

t.test('a Redis without memory lets no event be lost, nor the delivery stop', async (t) => {
  const own = await RedisServer.start()
  t.teardown(() => own.stop())
  const target = await WebhookTarget.start(t)
  const { fleet } = await startFleet(t, target, {}, own)
  const ann = await enter(t, fleet[0]!, 'ann', 'a')
  await target.hears('member.joined a ann')
  const admin = new Redis(own.url)
  t.teardown(() => admin.disconnect())
  target.answer = (response) => response.writeHead(503).end()
  await ann.ask({ type: 'leave', room: 'a' })
  await ann.ask({ type: 'members', room: 'a' })
  await admin.config('SET', 'maxmemory', '1')
  target.answer = take
  await target.hears('room.vacated a')
  t.strictSame(of(target.taken, 'a'), ['room.occupied', 'member.joined ann', 'member.left ann', 'room.vacated'])
})
