import { randomBytes } from 'node:crypto'
import t from 'tap'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { bearer, SECRET, tokenOf } from '../helpers/tokens.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'

const redis = await RedisServer.start()
t.teardown(() => redis.stop())

async function disconnect (http: string, user: string, token: string): Promise<Response> {
  return await fetch(`${http}/users/${encodeURIComponent(user)}/connections`, { method: 'DELETE', ...bearer(token) })
}

t.test('a user is disconnected on every replica, on every connection, with 4403; nobody else is', async (t) => {
  const REDIS_PREFIX = `test-${randomBytes(6).toString('hex')}:`
  const gateways = await Promise.all(['a', 'b', 'c'].map((REPLICA) =>
    startGateway(t, { REDIS_URL: redis.url, REDIS_PREFIX, REPLICA, AUTH_SECRET: SECRET })))
  const user = 'ann|7 %/ö'
  const hers = await tokenOf(user)
  const anns = await Promise.all([...gateways, ...gateways].map(({ ws }) => connect(t, `${ws}?token=${hers}`)))
  const bob = await connect(t, `${gateways[1]!.ws}?token=${await tokenOf('bob')}`)
  const answer = await disconnect(gateways[0]!.http, user, await tokenOf('root', { can: ['admin'] }))
  t.equal(answer.status, 200)
  t.strictSame(await answer.json(), { user })
  for (const { code, reason } of await Promise.all(anns.map(({ closed }) => closed))) {
    t.equal(code, 4403)
    t.equal(reason, 'disconnected by an operator')
  }
  t.match(await bob.ask({ type: 'ping' }), { type: 'pong' })
  t.match((await connect(t, `${gateways[2]!.ws}?token=${hers}`)).welcome, { user }, 'her token is as good as it was')
})

t.test('a replica that hears nothing at the time obeys when it does', async (t) => {
  const proxy = await TcpProxy.start(t, redis.port)
  const REDIS_PREFIX = `test-${randomBytes(6).toString('hex')}:`
  const [near, far] = await Promise.all([redis.url, `redis://127.0.0.1:${proxy.port}`].map((REDIS_URL, n) =>
    startGateway(t, { REDIS_URL, REDIS_PREFIX, REPLICA: `gw-${n}`, AUTH_SECRET: SECRET })))
  const ann = await connect(t, `${far!.ws}?token=${await tokenOf('ann')}`)
  // Nobody listens there.
  proxy.targetPort = 1
  proxy.cut()
  t.equal((await disconnect(near!.http, 'ann', await tokenOf('root', { can: ['admin'] }))).status, 200)
  t.match(await ann.ask({ type: 'ping' }), { type: 'pong' }, 'it does not know yet')
  proxy.targetPort = redis.port
  t.equal((await ann.closed).code, 4403)
})

t.test('while Redis is away nobody is told that it was done', async (t) => {
  const server = await RedisServer.start()
  t.teardown(() => server.stop())
  const { http } = await startGateway(t, { REDIS_URL: server.url, AUTH_SECRET: SECRET })
  await server.kill()
  await eventually('it is noticed', async () => (await fetch(`${http}/readyz`)).status === 503)
  t.equal((await disconnect(http, 'ann', await tokenOf('root', { can: ['admin'] }))).status, 503)
})

t.test('an order that is given as Redis comes back empty is carried out, every time', async (t) => {
  const server = await RedisServer.start()
  t.teardown(() => server.stop())
  const { http, ws } = await startGateway(t, { REDIS_URL: server.url, AUTH_SECRET: SECRET, RATE_HTTP: '0' })
  const [ann, root] = [await tokenOf('ann'), await tokenOf('root', { can: ['admin'] })]
  for (let round = 0; round < 3; round++) {
    const client = await connect(t, `${ws}?token=${ann}`)
    await server.kill()
    await server.forget()
    await server.run()
    // As soon as it can be given.
    await eventually('ordered', async () => (await disconnect(http, 'ann', root)).status === 200)
    t.equal((await client.closed).code, 4403)
  }
})

t.test('an order that a replica missed, in a log that is gone, is carried out when it is back', async (t) => {
  const server = await RedisServer.start()
  t.teardown(() => server.stop())
  const proxy = await TcpProxy.start(t, server.port)
  const [near, far] = await Promise.all([server.url, `redis://127.0.0.1:${proxy.port}`].map((REDIS_URL, n) =>
    startGateway(t, { REDIS_URL, REPLICA: `gw-${n}`, AUTH_SECRET: SECRET })))
  const root = await tokenOf('root', { can: ['admin'] })
  const bob = await connect(t, `${far!.ws}?token=${await tokenOf('bob')}`)
  t.equal((await disconnect(near!.http, 'nobody', root)).status, 200)
  const ann = await connect(t, `${far!.ws}?token=${await tokenOf('ann')}`)
  proxy.targetPort = 1
  proxy.cut()
  await server.kill()
  await server.forget()
  await server.run()
  await eventually('ordered', async () => (await disconnect(near!.http, 'ann', root)).status === 200)
  proxy.targetPort = server.port
  t.equal((await ann.closed).code, 4403)
  t.match(await bob.ask({ type: 'ping' }), { type: 'pong' })
})

t.test('however many orders a replica misses, it carries out all of them, whatever is kept of messages', async (t) => {
  const proxy = await TcpProxy.start(t, redis.port)
  const REDIS_PREFIX = `test-${randomBytes(6).toString('hex')}:`
  const settings = { REDIS_PREFIX, AUTH_SECRET: SECRET, RATE_HTTP: '0', LOG_ENTRIES: '1', LOG_MAX_AGE_MS: '1000' }
  const [near, far] = await Promise.all([redis.url, `redis://127.0.0.1:${proxy.port}`].map((REDIS_URL, n) =>
    startGateway(t, { ...settings, REDIS_URL, REPLICA: `gw-${n}` })))
  const root = await tokenOf('root', { can: ['admin'] })
  const ann = await connect(t, `${far!.ws}?token=${await tokenOf('ann')}`)
  proxy.targetPort = 1
  proxy.cut()
  t.equal((await disconnect(near!.http, 'ann', root)).status, 200)
  const others = await Promise.all(Array.from({ length: 600 }, (_, n) => disconnect(near!.http, `u${n}`, root)))
  t.ok(others.every(({ status }) => status === 200))
  proxy.targetPort = redis.port
  t.equal((await ann.closed).code, 4403)
})
