import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { type Client, connect } from '../helpers/client.ts'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'

t.setTimeout(240_000)

// Without RATE_HTTP, which has a script of its own: what is dropped is the reply to a move.
const UNLIMITED = {
  MAX_CONNECTIONS_PER_ADDRESS: '0', RATE_PUBLISHES: '0', RATE_REQUESTS: '0', RATE_CONNECTIONS: '0', RATE_HTTP: '0'
}

interface Place {
  readonly redis: RedisServer
  readonly proxy: TcpProxy
  readonly admin: Redis
  readonly gateway: RunningGateway
  readonly prefix: string
  readonly ann: Client
}

/** One replica behind a proxy, and a client in the room `red`. */
async function start (test: Test, ...options: string[]): Promise<Place> {
  const redis = await RedisServer.start(...options)
  test.teardown(() => redis.stop())
  const proxy = await TcpProxy.start(test, redis.port, 'redis')
  const prefix = `t${randomBytes(4).toString('hex')}:`
  const REDIS_URL = `redis://127.0.0.1:${proxy.port}`
  const gateway = await startGateway(test, { ...UNLIMITED, REDIS_URL, REDIS_PREFIX: prefix })
  const admin = new Redis(redis.url, { enableReadyCheck: false })
  admin.on('error', () => {})
  test.teardown(() => admin.disconnect())
  const ann = await connect(test, `${gateway.ws}?user=ann&join=red`)
  await ann.next('joined')
  return { redis, proxy, admin, gateway, prefix, ann }
}

async function isReady ({ gateway }: Place): Promise<boolean> {
  return (await fetch(`${gateway.http}/readyz`)).status === 200
}

t.test('A9 a reply that is lost after execution is told as that, and the retry finds the one message', async (t) => {
  const place = await start(t)
  const { ann, proxy } = place
  // Redis knows the script from then on.
  await ann.ask({ type: 'message', room: 'red', content: 'before' })
  await ann.next('message')
  const dropped = proxy.dropReply('evalsha')
  const request = { type: 'message', room: 'red', content: 'once', key: 'k' }
  t.match(await ann.ask(request), { code: 503, reason: 'unknown_outcome', retryable: true })
  await dropped
  await eventually('ready', () => isReady(place))
  t.match(await ann.ask(request), { type: 'ack', seq: 2, duplicate: true })
  await ann.next('message')
  const { messages } = await ann.ask({ type: 'history', room: 'red' })
  t.equal((messages as unknown[]).length, 2)
  t.strictSame((await ann.settle()).filter(({ type }) => type === 'message'), [], 'it came once')
})

t.test('A10 the same for a move of the car: with its key it moves once', async (t) => {
  const place = await start(t)
  const { gateway, proxy } = place
  const post = async (key = 'k'): Promise<Response> => await fetch(`${gateway.http}/position`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ delta: 50 })
  })
  t.strictSame(await (await post('before')).json(), { position: 50 })
  const dropped = proxy.dropReply('evalsha')
  const first = await post()
  t.equal(first.status, 503)
  t.match(await first.json(), { reason: 'unknown_outcome' })
  await dropped
  await eventually('ready', () => isReady(place))
  t.strictSame(await (await fetch(`${gateway.http}/position`)).json(), { position: 100 }, 'it was carried out')
  t.strictSame(await (await post()).json(), { position: 100 })
  t.strictSame(await (await fetch(`${gateway.http}/position`)).json(), { position: 100 })
})

t.test('A13 an eviction of the log, or of what is known of it, is told by the right gap; a policy that evicts is warned of', async (t) => {
  const place = await start(t, '--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru')
  const { ann, admin, prefix, gateway } = place
  await eventually('it warns', async () => gateway.logged.some((line) => line.includes('allkeys-lru')))
  const acks = []
  for (let n = 1; n <= 3; n++) acks.push(await ann.ask({ type: 'message', room: 'red', content: n }))
  await ann.until('all three', () => ann.frames.length === 3)
  await admin.del(`${prefix}{red}:s`)
  t.match(await ann.ask({ type: 'message', room: 'red', content: 4 }), { seq: 4 }, 'who is there goes on')
  await admin.del(`${prefix}{red}:m`)
  const bob = await connect(t, gateway.ws)
  t.match(await bob.ask({ type: 'join', room: 'red', since: acks[0]!.cursor }), { recovered: false, seq: 0 })
  t.match(await bob.next('gap'), { reason: 'epoch' })
  t.match(await ann.next('gap'), { reason: 'epoch', seq: 0 })
})

t.test('A14 a message whose first write fails was certainly not stored, and that is what is said', async (t) => {
  const { ann, admin, prefix } = await start(t)
  await ann.ask({ type: 'message', room: 'red', content: 1 })
  const meta = await admin.hgetall(`${prefix}{red}:m`)
  await admin.xadd(`${prefix}{red}:s`, '999-0', 'i', 'x', 'p', 'x', 't', '1', 'd', '"x"\t\n1')
  t.match(await ann.ask({ type: 'message', room: 'red', content: 2 }), { code: 503, reason: 'unavailable' })
  t.strictSame(await admin.hgetall(`${prefix}{red}:m`), meta)
  t.strictSame((await ann.settle()).filter(({ content }) => content === 2), [])
})

t.test('A18 where Redis cannot save it refuses writes, and the replica says that it is not ready', async (t) => {
  const place = await start(t, '--enable-protected-configs', 'yes')
  const { ann, admin } = place
  const [, folder] = await admin.config('GET', 'dir') as string[]
  await admin.config('SET', 'save', '3600 1000000')
  await rm(folder!, { recursive: true })
  await admin.bgsave()
  await eventually('it could not save', async () => (await admin.info('persistence')).includes('rdb_last_bgsave_status:err'))
  t.match(await ann.ask({ type: 'message', room: 'red', content: 1 }), { code: 503, reason: 'unavailable' })
  await eventually('not ready', async () => !await isReady(place))
  await mkdir(folder!)
  await admin.config('SET', 'dir', folder!)
  await admin.bgsave()
  await eventually('ready', () => isReady(place), 10_000)
  t.match(await ann.ask({ type: 'message', room: 'red', content: 2 }), { type: 'ack', seq: 1 })
})

t.test('A20 2,000 rooms are subscribed again in batches, while the loop goes on', async (t) => {
  const place = await start(t)
  const { gateway, admin } = place
  const rooms = Array.from({ length: 2_000 }, (_, n) => `storm-${n}`)
  const members = await Promise.all(Array.from({ length: 20 }, () => connect(t, gateway.ws)))
  await Promise.all(rooms.map((room, n) => members[n % 20]!.ask({ type: 'join', room })))
  const loop = monitorEventLoopDelay({ resolution: 5 })
  loop.enable()
  await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await eventually('subscribed again', async () =>
    (await admin.call('PUBSUB', 'NUMSUB', `${place.prefix}{storm-1999}:c`) as [string, number])[1] === 1, 10_000)
  await Promise.all(rooms.map(async (room, n) => {
    const member = members[n % 20]!
    t.equal((await member.ask({ type: 'message', room, content: n })).type, 'ack')
  }))
  await Promise.all(members.map((member) =>
    member.until('its hundred messages', () => member.frames.filter(({ type }) => type === 'message').length === 100)))
  loop.disable()
  t.comment(`loop delay p99 ${(loop.percentile(99) / 1e6).toFixed(1)} ms, the test's own clients included`)
})

t.test('A22 a password that changes is a Redis that cannot be used, without a loop of crashes or a secret in the log', async (t) => {
  const place = await start(t)
  const { ann, admin, gateway } = place
  await admin.config('SET', 'requirepass', 'sesame')
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await eventually('not ready', async () => !await isReady(place))
  t.match(await ann.ask({ type: 'message', room: 'red', content: 1 }), { code: 503, reason: 'unavailable' })
  await admin.config('SET', 'requirepass', '')
  await eventually('ready', () => isReady(place), 10_000)
  t.match(await ann.ask({ type: 'message', room: 'red', content: 2 }), { type: 'ack', seq: 1 })
  t.notMatch(gateway.logged.join('\n'), /sesame/)
  t.ok(gateway.logged.length < 60, 'a line for each kind of failure, not for each try')
})
