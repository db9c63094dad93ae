import t from 'tap'
import { Redis } from 'ioredis'
import { RedisServer } from '../../cluster/redis.ts'
import { ConfigError, createPublisher, TidegateError } from '../../src/index.ts'
import { commandsToPublish } from '../../src/redis/acl-check.ts'
import { Keys } from '../../src/redis/keys.ts'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { startHost } from '../helpers/host.ts'

const redis = await RedisServer.start()
t.teardown(() => redis.stop())

async function reasonOf (call: Promise<unknown>): Promise<string> {
  return await call.then(() => 'none', (error: unknown) => error instanceof TidegateError ? error.reason : String(error))
}

t.test('what a publisher, a replica and another replica publish is one order, in rooms of every kind', async (t) => {
  const prefix = 'one:'
  const one = await startGateway(t, { REDIS_URL: redis.url, REDIS_PREFIX: prefix })
  const { app, ws } = await startHost(t, { redis: redis.url, redisPrefix: prefix })
  const publisher = createPublisher({ redis: redis.url, redisPrefix: prefix })
  t.teardown(() => publisher.close())
  const rooms = ['log', 'live:a', 'latest:a', 'position'].map((room) => `join=${room}`).join('&')
  const clients = await Promise.all([one.ws, ws].map((url) => connect(t, `${url}?${rooms}`)))
  for (const client of clients) for (let n = 0; n < 4; n++) await client.next('joined')
  t.match(await publisher.publish('log', 1), { seq: 1, duplicate: false })
  t.match(await app.tidegate.publish('log', 2), { seq: 2 })
  t.match(await clients[0]!.ask({ type: 'message', room: 'log', content: 3 }), { seq: 3 })
  t.match(await publisher.publish('log', 4, { ephemeral: true, from: 'job' }), { seq: undefined })
  t.match(await publisher.publish('live:a', 5), { seq: undefined, cursor: undefined })
  t.match(await publisher.publish('latest:a', 6), { seq: 1 })
  t.match(await publisher.broadcast(7), { seq: 1 })
  t.match(await publisher.move(50), { position: 50, seq: 1 })
  for (const client of clients) {
    for (const content of [1, 2, 3]) t.match(await client.next('message'), { room: 'log', content, seq: content })
    t.match(await client.next('message'), { room: 'log', content: 4, from: 'job' })
    t.match(await client.next('message'), { room: 'live:a', content: 5 })
    t.match(await client.next('message'), { room: 'latest:a', content: 6 })
    t.match(await client.next('broadcast'), { content: 7, from: 'server' })
    t.match(await client.take(({ position }) => position === 50, 'the car'), { room: 'position' })
  }
  t.match(await app.tidegate.history('log', { limit: 2 }), { messages: [{ content: 2 }, { content: 3 }], more: true })
  await publisher.disconnect(String(clients[1]!.welcome['user']))
  t.match(await clients[1]!.closed, { code: 4403 })
})

t.test('a key is the same one from any process of code, and apart from those of users', async (t) => {
  const prefix = 'keys:'
  const { app, ws } = await startHost(t, { redis: redis.url, redisPrefix: prefix })
  const publisher = createPublisher({ redis: redis.url, redisPrefix: prefix })
  t.teardown(() => publisher.close())
  for (const room of ['r', 'live:r']) {
    t.match(await publisher.publish(room, 'x', { key: 'k' }), { duplicate: false })
    t.match(await app.tidegate.publish(room, 'x', { key: 'k' }), { duplicate: true })
    t.equal(await reasonOf(publisher.publish(room, 'y', { key: 'k' })), 'key_reused')
  }
  t.match(await publisher.move(1, { key: 'k' }), { duplicate: false, position: 1 })
  t.match(await app.tidegate.move(1, { key: 'k' }), { duplicate: true, position: 1 })
  const server = await connect(t, `${ws}?user=server&join=r`)
  await server.next('joined')
  t.match(await server.ask({ type: 'message', room: 'r', content: 'z', key: 'k' }), { type: 'ack', seq: 2 })
})

t.test('bad calls and bad options are refused by name, and nothing is sent', async (t) => {
  const publisher = createPublisher({ redis: redis.url, maxMessageBytes: 128 })
  t.teardown(() => publisher.close())
  t.equal(await reasonOf(publisher.publish('a b', 1)), 'bad_room')
  t.equal(await reasonOf(publisher.publish('$all', 1)), 'bad_room')
  t.equal(await reasonOf(publisher.publish('position', 1)), 'forbidden')
  t.equal(await reasonOf(publisher.publish('r', undefined)), 'bad_message')
  t.equal(await reasonOf(publisher.publish('r', 5n)), 'bad_message')
  t.equal(await reasonOf(publisher.publish('r', 'x'.repeat(127))), 'too_large')
  t.equal(await reasonOf(publisher.publish('r', 1, { key: '' })), 'bad_message')
  t.equal(await reasonOf(publisher.move(0.5)), 'bad_message')
  t.throws(() => createPublisher({ redis: 'http://x', prefix: 'p', logEntries: 0 } as never), ConfigError)
  try {
    createPublisher({ redis: 'http://:sesame@x', prefix: 'p', drainMs: 5, logEntries: 0 } as never)
  } catch (error) {
    const { problems } = error as ConfigError
    t.strictSame(problems.map((problem) => problem.slice(0, problem.indexOf(':'))).sort(), ['drainMs', 'logEntries', 'prefix', 'redis'])
    t.notMatch(problems.join(''), /sesame/)
  }
})

t.test('without Redis the first calls wait for it a while, and later ones are told at once', async (t) => {
  const away = await RedisServer.reserve()
  t.teardown(() => away.stop())
  let onWarning = (): void => {}
  const logger = { info: () => {}, warn: () => onWarning(), error: () => {} }
  const publisher = createPublisher({ redis: away.url, logger })
  const early = publisher.publish('r', 1)
  await away.run()
  t.match(await early, { seq: 1 }, 'Redis came')
  away.freeze(true)
  t.equal(await reasonOf(publisher.publish('r', 2, { key: 'k' })), 'unknown_outcome')
  away.freeze(false)
  const isLost = new Promise<void>((resolve) => { onWarning = resolve })
  await away.kill()
  await isLost
  const beganMs = performance.now()
  t.equal(await reasonOf(publisher.publish('r', 3)), 'unavailable')
  t.ok(performance.now() - beganMs < 200)
  await publisher.close()
  t.equal(await reasonOf(publisher.publish('r', 4)), 'unavailable')
})

t.test('a Redis user needs no more than what a publisher is said to need', async (t) => {
  const admin = new Redis(redis.url)
  t.teardown(() => admin.quit())
  const names = new Set(commandsToPublish(new Keys('acl:')).map(([name]) => `+${name.toLowerCase()}`))
  await admin.call('ACL', 'SETUSER', 'job', 'on', '>sesame', 'resetkeys', '~acl:*', 'resetchannels', '&acl:*', '-@all', ...names)
  const said: string[] = []
  const note = (fields: object, message: string): void => { said.push(`${message} ${JSON.stringify(fields)}`) }
  const publisher = createPublisher({
    redis: redis.url.replace('redis://', 'redis://job:sesame@'), redisPrefix: 'acl:', logger: { info: () => {}, warn: note, error: note }
  })
  t.teardown(() => publisher.close())
  await publisher.publish('r', 1)
  await publisher.publish('r', 1, { key: 'k' })
  await publisher.publish('live:r', 1, { key: 'k' })
  await publisher.publish('latest:r', 1)
  await publisher.broadcast(1)
  await publisher.move(5, { key: 'k' })
  await publisher.disconnect('ann')
  t.strictSame(said, [])
})
