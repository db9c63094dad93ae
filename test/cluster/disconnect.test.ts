import { randomBytes } from 'node:crypto'
import t from 'tap'
import { signToken } from '../../src/auth/sign.ts'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'

const AUTH_SECRET = 'a secret that is long enough for it'
const redis = await RedisServer.start()
t.teardown(() => redis.stop())

async function token (user: string, can: readonly string[] = []): Promise<string> {
  return await signToken(AUTH_SECRET, { user, lifetimeS: 600, can })
}

async function disconnect (http: string, user: string, bearer: string): Promise<Response> {
  const headers = { authorization: `Bearer ${bearer}` }
  return await fetch(`${http}/users/${encodeURIComponent(user)}/connections`, { method: 'DELETE', headers })
}

t.test('a user is disconnected on every replica, on every connection, with 4403; nobody else is', async (t) => {
  const REDIS_PREFIX = `test-${randomBytes(6).toString('hex')}:`
  const gateways = await Promise.all(['a', 'b', 'c'].map((REPLICA) =>
    startGateway(t, { REDIS_URL: redis.url, REDIS_PREFIX, REPLICA, AUTH_SECRET })))
  const user = 'ann|7 %/ö'
  const hers = await token(user)
  const anns = await Promise.all([...gateways, ...gateways].map(({ ws }) => connect(t, `${ws}?token=${hers}`)))
  const bob = await connect(t, `${gateways[1]!.ws}?token=${await token('bob')}`)
  const answer = await disconnect(gateways[0]!.http, user, await token('root', ['admin']))
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
    startGateway(t, { REDIS_URL, REDIS_PREFIX, REPLICA: `gw-${n}`, AUTH_SECRET })))
  const ann = await connect(t, `${far!.ws}?token=${await token('ann')}`)
  // Nobody listens there.
  proxy.targetPort = 1
  proxy.cut()
  t.equal((await disconnect(near!.http, 'ann', await token('root', ['admin']))).status, 200)
  t.match(await ann.ask({ type: 'ping' }), { type: 'pong' }, 'it does not know yet')
  proxy.targetPort = redis.port
  t.equal((await ann.closed).code, 4403)
})

t.test('while Redis is away nobody is told that it was done', async (t) => {
  const server = await RedisServer.start()
  t.teardown(() => server.stop())
  const { http } = await startGateway(t, { REDIS_URL: server.url, AUTH_SECRET })
  await server.kill()
  await eventually('it is noticed', async () => (await fetch(`${http}/readyz`)).status === 503)
  t.equal((await disconnect(http, 'ann', await token('root', ['admin']))).status, 503)
})
