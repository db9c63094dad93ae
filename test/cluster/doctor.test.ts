import t, { type Test } from 'tap'
import { freePort } from '../../cluster/ports.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { cli } from '../helpers/cli.ts'
import { startCluster } from '../helpers/cluster.ts'
import { startPlainProxy } from '../helpers/plain-proxy.ts'
import { startGateway } from '../helpers/gateway.ts'
import { SECRET, tokenOf } from '../helpers/tokens.ts'

t.setTimeout(180_000)

interface Finding {
  readonly group: string
  readonly check: string
  readonly level: string
  readonly message: string
  readonly advice?: string
}

interface Examined { readonly code: number, readonly all: readonly Finding[], readonly bad: readonly string[] }

/** What the doctor finds that is not well, and how it ends. */
async function examine (args: string[], env: Record<string, string> = {}): Promise<Examined> {
  const { code, stdout, stderr } = await cli(['doctor', '--json', ...args], { env })
  if (stderr !== '') throw new Error(stderr)
  const all = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Finding)
  const bad = all.filter(({ level }) => ['fault', 'warning'].includes(level))
  for (const { advice } of bad) if (!advice) throw new Error('a problem without what to do')
  return { code, all, bad: bad.map(({ group, check, level }) => `${level}: ${group} ${check}`) }
}

async function redisWith (test: Test, ...options: string[]): Promise<RedisServer> {
  const redis = await RedisServer.start(...options)
  test.teardown(() => redis.stop())
  return redis
}

t.test('a healthy cluster has no fault, and each thing that is broken in it is named', async (t) => {
  const { cluster } = await startCluster(t, { AUTH_SECRET: SECRET, ALLOWED_ORIGINS: 'https://app.example' })
  const TIDEGATE_URL = cluster.http
  const TIDEGATE_TOKEN = await tokenOf('ann')
  const env = { TIDEGATE_URL, TIDEGATE_TOKEN }
  const redis = cluster.redis!.url

  const healthy = await examine(['--redis', redis, '--origin', 'https://app.example', '--idle', '1'], env)
  t.strictSame([healthy.code, healthy.bad], [0, ['warning: redis persistence']], 'the Redis of the tests saves nothing')
  t.equal((await cli(['doctor', '--strict', '--redis', redis], { env })).code, 1)
  const found = Object.fromEntries(healthy.all.map(({ group, check, level, message }) => [`${group} ${check}`, `${level}: ${message}`]))
  t.match(found['replicas replicas'], /^ok: 3 replicas seen/)
  t.match(found['replicas stickiness'], /^ok: .*6 of 6/)
  t.match(found['replicas fan-out'], /^ok: a message from gateway-\w to gateway-\w arrives/)
  t.match(found['proxy x-forwarded-for'], /^ok: .* counted as 127\.0\.0\.1/)
  t.match(found['websocket auth'], /^ok: without a token nobody gets in/)
  t.match(found['proxy idle'], /^ok: the connection stands after 1 s/)

  const expired = await examine(['--token', await tokenOf('ann', {}, -90)], env)
  t.strictSame([expired.code, expired.bad], [1, ['fault: token expiry', 'fault: websocket auth']])
  t.match(expired.all.find(({ check }) => check === 'expiry')!.message, 'token expired 1 min ago')

  const none = await examine([], { TIDEGATE_URL })
  t.strictSame([none.code, none.bad], [1, ['fault: websocket auth']])

  const strange = await examine(['--origin', 'https://other.example'], env)
  t.strictSame([strange.code, strange.bad], [1, ['fault: websocket origin']])

  const wrong = await examine([], { ...env, AUTH_SECRET: 'another secret of at least 32 bytes' })
  t.strictSame([wrong.code, wrong.bad.filter((each) => !each.includes('settings'))], [1, ['fault: token signature']])

  const dead = await examine(['--redis', `redis://127.0.0.1:${await freePort()}`], env)
  t.strictSame([dead.code, dead.bad], [1, ['fault: redis reach']])

  const nobody = await examine(['--url', `http://127.0.0.1:${await freePort()}`], env)
  t.strictSame([nobody.code, nobody.bad], [1, ['fault: gateway reach']])
  t.match(nobody.all.at(-1)!.message, 'nothing listens there')

  await cluster.redis!.kill()
  const away = await examine(['--url', cluster.replicas[0]!.http], env)
  t.ok(away.bad.includes('fault: gateway ready'), away.bad.join(', '))
  t.equal(away.code, 1)
})

t.test('a proxy that is wrong: no stickiness, no upgrade, another Host, no Authorization', async (t) => {
  const redis = await redisWith(t, '--maxmemory-policy', 'allkeys-lru')
  const settings = { REDIS_URL: redis.url, AUTH_SECRET: SECRET }
  const gateways = [
    await startGateway(t, { ...settings, REPLICA: 'gw-1' }), await startGateway(t, { ...settings, REPLICA: 'gw-2' })
  ]
  const ports = gateways.map(({ port }) => port)
  const env = { TIDEGATE_TOKEN: await tokenOf('ann'), REDIS_URL: redis.url }
  const behind = async (faults: Parameters<typeof startPlainProxy>[2]): Promise<readonly string[]> => {
    const url = await startPlainProxy(t, ports, faults)
    return (await examine(['--url', url], env)).bad.filter((each) => !each.includes('redis') && !each.includes('settings'))
  }
  t.strictSame(await behind({}), ['warning: replicas stickiness', 'warning: proxy x-forwarded-for'])
  t.strictSame(await behind({ drops: ['upgrade', 'connection'] }), ['fault: websocket upgrade'])
  t.ok((await behind({ drops: ['authorization'] })).includes('fault: websocket auth'))
  t.ok((await behind({ host: 'gateway.internal' })).includes('fault: websocket host'))

  const evicting = await examine(['--url', gateways[0]!.http], env)
  t.ok(evicting.bad.includes('fault: redis eviction'), evicting.bad.join(', '))
  t.equal(evicting.code, 1)

  const other = await examine(['--url', `http://127.0.0.1:${redis.port}`], env)
  t.ok(other.bad.includes('fault: gateway reach'), 'Redis is no gateway')
})

t.test('replicas that do not share one Redis are told, and what a user of Redis may not do', async (t) => {
  const [one, other] = [await redisWith(t), await redisWith(t, '--user', ...'default on nopass ~* &* +@all -publish'.split(' '))]
  const gateways = [
    await startGateway(t, { REDIS_URL: one.url, REPLICA: 'gw-1' }),
    await startGateway(t, { REDIS_URL: one.url, REDIS_PREFIX: 'x:', REPLICA: 'gw-2' })
  ]
  const url = await startPlainProxy(t, gateways.map(({ port }) => port), {})
  const split = await examine(['--url', url, '--redis', other.url])
  t.ok(split.bad.includes('fault: replicas fan-out'), split.bad.join(', '))
  t.ok(split.bad.includes('warning: websocket auth'), 'it is open')
  t.match(split.all.find(({ check }) => check === 'rights')!.message, /its user may not: PUBLISH/)
})

t.test('the settings of its environment are read as the gateway reads them', async (t) => {
  const nowhere = { TIDEGATE_URL: 'http://127.0.0.1:1' }
  const bad = await examine([], { ...nowhere, LOG_ENTRIES: 'lots', AUTH_SECRET: 'short', REDIS_HOST: 'redis' })
  t.strictSame(bad.all.filter(({ group }) => group === 'settings').map(({ level, message }) => `${level}: ${message}`).sort(), [
    'fault: AUTH_SECRET: must be at least 32 bytes (openssl rand -base64 48 makes one)',
    'fault: LOG_ENTRIES: must be an integer of 1 to 1000000, not "lots"',
    'warning: REDIS_HOST is no setting of the gateway\'s'
  ])
  const open = await examine([], { ...nowhere, ALLOWED_ORIGINS: '*' })
  t.strictSame(open.bad.filter((each) => each.includes('settings')), [
    'warning: settings origins', 'warning: settings broker', 'warning: settings auth'
  ])
})
