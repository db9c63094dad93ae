import { randomBytes } from 'node:crypto'
import t from 'tap'
import { connect, refused } from '../helpers/client.ts'
import { startGateway, startUnready } from '../helpers/gateway.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'

async function status (url: string): Promise<number> {
  return (await fetch(url)).status
}

t.test('Redis away at start: the gateway lives, is not ready, lets nobody in, and goes on trying', async (t) => {
  const redis = await RedisServer.reserve()
  t.teardown(() => redis.stop())
  const { ws, http } = await startUnready(t, { REDIS_URL: redis.url })
  t.equal(await status(`${http}/healthz`), 200)
  t.equal(await status(`${http}/readyz`), 503)
  const answer = await refused(ws)
  t.equal(answer.status, 503)
  t.match(answer.body, { code: 503, reason: 'unavailable' })
  t.ok(answer.retryAfter)
  const position = await fetch(`${http}/position`)
  t.equal(position.status, 503)
  t.match(await position.json(), { code: 503, reason: 'unavailable' })
  await redis.run()
  await eventually('ready', async () => await status(`${http}/readyz`) === 200, 10_000)
  const client = await connect(t, `${ws}?join=red`)
  t.match(await client.next('joined'), { room: 'red', seq: 0 })
})

t.test('Redis dies and comes back empty: sockets stay, publishes say so, and every room gets one gap', async (t) => {
  const redis = await RedisServer.start()
  t.teardown(() => redis.stop())
  const { ws, http } = await startGateway(t, { REDIS_URL: redis.url, REDIS_PREFIX: `t${randomBytes(4).toString('hex')}:` })
  const ann = await connect(t, `${ws}?join=red`)
  const before = await ann.next('joined')
  await ann.ask({ type: 'message', room: 'red', content: 1 })
  await ann.next('message')
  await ann.ask({ type: 'join', room: 'live:x' })
  await redis.stop()
  await eventually('not ready', async () => await status(`${http}/readyz`) === 503)
  t.match(await ann.ask({ type: 'message', room: 'red', content: 2 }), {
    type: 'error', code: 503, reason: 'unavailable', room: 'red', retryable: true
  })
  for (const room of ['blue', 'red', 'live:x', 'live:y']) {
    t.match(await ann.ask({ type: 'join', room }), { code: 503, reason: 'unavailable', room })
  }
  t.match(await ann.ask({ type: 'move', delta: 1 }), { code: 503, reason: 'unavailable', room: 'position' })
  await redis.run()
  await eventually('ready', async () => await status(`${http}/readyz`) === 200, 10_000)
  const gap = await ann.take(({ type, room }) => type === 'gap' && room === 'red', 'the gap')
  t.match(gap, { reason: 'epoch', seq: 0 })
  t.not(gap.cursor!.split('.')[0], before.cursor!.split('.')[0])
  t.match(await ann.ask({ type: 'message', room: 'red', content: 3 }), { type: 'ack', seq: 1 })
  t.match(await ann.next('message'), { seq: 1, content: 3 })
  t.match(await ann.ask({ type: 'join', room: 'blue' }), { type: 'joined' })
  t.equal(ann.frames.filter(({ type, room }) => type === 'gap' && room === 'red').length, 0)
})
