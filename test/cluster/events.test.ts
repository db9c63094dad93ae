import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { connect } from '../helpers/client.ts'
import { follow } from '../helpers/events.ts'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'
import { bearer, SECRET, tokenOf } from '../helpers/tokens.ts'

async function two (t: Test, redis: RedisServer, env: Record<string, string> = {}): Promise<RunningGateway[]> {
  const REDIS_PREFIX = `test-${randomBytes(6).toString('hex')}:`
  return await Promise.all(['a', 'b'].map((REPLICA) => startGateway(t, { REDIS_URL: redis.url, REDIS_PREFIX, REPLICA, ...env })))
}

async function startRedis (t: Test): Promise<RedisServer> {
  const redis = await RedisServer.start()
  t.teardown(() => redis.stop())
  return redis
}

t.test('an id of one replica is resumed on another, with rooms that nobody there followed', async (t) => {
  const [a, b] = await two(t, await startRedis(t))
  const stream = await follow(t, a!.http, 'room=red&room=position')
  const ann = await connect(t, `${a!.ws}?join=red`)
  await ann.ask({ type: 'message', room: 'red', content: 1 })
  await stream.next('message')
  stream.close()
  await ann.ask({ type: 'message', room: 'red', content: 2 })
  await ann.ask({ type: 'move', delta: 5 })
  await ann.ask({ type: 'broadcast', content: 'noon' })
  const again = await follow(t, b!.http, 'room=red&room=position', { 'last-event-id': stream.lastEventId })
  t.match(await again.next('message'), { content: 2, seq: 2 })
  t.match(await again.next('position'), { position: 5 })
  t.match(await again.next('broadcast'), { content: 'noon' })
})

t.test('DELETE at one replica ends streams at another, and 204 answers at both who comes back', async (t) => {
  const [a, b] = await two(t, await startRedis(t), { AUTH_SECRET: SECRET })
  const token = await tokenOf('ann')
  const stream = await follow(t, b!.http, `room=red&token=${token}`)
  await stream.next('joined')
  const admin = await tokenOf('root', { can: ['admin'] })
  t.equal((await fetch(`${a!.http}/users/ann/connections`, { method: 'DELETE', ...bearer(admin) })).status, 200)
  t.match(await stream.next('error'), { code: 403 })
  for (const { http } of [a!, b!]) {
    t.equal((await fetch(`${http}/events?room=red&token=${token}`, { headers: { 'last-event-id': stream.lastEventId } })).status, 204)
  }
})

t.test('while Redis is away a stream that is open stays, and one that joins is told so and sent to come back', async (t) => {
  const redis = await startRedis(t)
  const [a] = await two(t, redis)
  const stream = await follow(t, a!.http, 'room=red')
  await stream.next('joined')
  await redis.stop()
  await eventually('it is noticed', async () => (await fetch(`${a!.http}/readyz`)).status === 503)
  const late = await follow(t, a!.http, 'room=blue&room=red', { 'last-event-id': stream.lastEventId })
  t.match(await late.next('error'), { code: 503, reason: 'unavailable', retryable: true })
  t.equal(await late.ended, true)
  t.ok(late.parser.retryMs! >= 2_000)
  t.equal(late.lastEventId, stream.lastEventId, 'it is where it was')
  await redis.run()
  await eventually('ready', async () => (await fetch(`${a!.http}/readyz`)).status === 200)
  const gap = await stream.take(({ type, room }) => type === 'gap' && room === 'red', 'the gap')
  t.match(gap, { reason: 'epoch' })
  const back = await follow(t, a!.http, 'room=blue&room=red', { 'last-event-id': late.lastEventId })
  t.match(await back.take(({ type, room }) => type === 'gap' && room === 'red', 'the same gap'), { reason: 'epoch', cursor: gap.cursor })
  await back.take(({ type, room }) => type === 'joined' && room === 'blue', 'in blue')
})
