import { once } from 'node:events'
import { connect as connectTcp, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connect, refused } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { Issuer } from '../helpers/issuer.ts'
import { GatewayProcess } from '../helpers/process.ts'
import { RedisServer } from '../../cluster/redis.ts'

/** Connections of a gateway process, each in a room. */
async function crowd (t: Test, port: number, count: number): Promise<Array<Awaited<ReturnType<typeof connect>>>> {
  const clients = await Promise.all(Array.from({ length: count }, () => connect(t, `ws://127.0.0.1:${port}/ws?join=a`)))
  await Promise.all(clients.map((client) => client.next('joined')))
  return clients
}

for (const [signal, windowMs] of [['SIGTERM', 1_500], ['SIGINT', 1_000]] as const) {
  t.test(`${signal} gives everyone a slot of its own, works on till then, closes 2 s after it and ends with 0`, async (t) => {
    const gateway = new GatewayProcess(t, { PORT: '0', DRAIN_MS: '1500' })
    const port = await gateway.port()
    const clients = await crowd(t, port, 5)
    gateway.child.kill(signal)
    const slots = await Promise.all(clients.map(async (client, index) => {
      const goodbye = await client.next('goodbye')
      const toldMs = performance.now()
      t.match(goodbye, { reason: 'draining', reconnect: true })
      t.match(await client.ask({ type: 'message', room: 'a', content: index }), { type: 'ack' }, 'it works as ever')
      t.match(await client.closed, { code: 1001 })
      const heldMs = performance.now() - toldMs - (goodbye['afterMs'] as number)
      t.ok(heldMs > 1_900 && heldMs < 2_700, `closed ${Math.round(heldMs)} ms after its slot`)
      return goodbye['afterMs'] as number
    }))
    t.strictSame(slots.sort((a, b) => a - b), [0, 1, 2, 3, 4].map((n) => n * windowMs / 5))
    t.strictSame(await gateway.ended, { code: 0, signal: null })
    t.equal(gateway.stderr, '')
  })
}

t.test('it ends as soon as everyone has gone, and at once where nobody is', async (t) => {
  const busy = new GatewayProcess(t, { PORT: '0', DRAIN_MS: '600000' })
  const clients = await crowd(t, await busy.port(), 3)
  busy.child.kill('SIGTERM')
  for (const client of clients) {
    await client.next('goodbye')
    client.socket.close()
  }
  t.strictSame(await busy.ended, { code: 0, signal: null })

  const idle = new GatewayProcess(t, { PORT: '0', DRAIN_MS: '600000' })
  await idle.port()
  const startMs = performance.now()
  idle.child.kill('SIGTERM')
  t.strictSame(await idle.ended, { code: 0, signal: null })
  t.ok(performance.now() - startMs < 2_000)
})

t.test('C2 a second SIGTERM ends at once; a Ctrl-C that npm passes on once more is the same one', async (t) => {
  const twice = new GatewayProcess(t, { PORT: '0' })
  const mute = await connect(t, `ws://127.0.0.1:${await twice.port()}/ws`)
  mute.socket.pause()
  twice.child.kill('SIGTERM')
  await twice.says('ending')
  twice.child.kill('SIGTERM')
  t.strictSame(await twice.ended, { code: 1, signal: null })

  const npm = new GatewayProcess(t, { PORT: '0', npm_lifecycle_event: 'start' })
  const client = await connect(t, `ws://127.0.0.1:${await npm.port()}/ws`)
  npm.child.kill('SIGINT')
  await npm.says('ending')
  npm.child.kill('SIGINT')
  t.match(await client.next('goodbye'), { reason: 'draining' })
  t.strictSame(await npm.ended, { code: 0, signal: null })
})

t.test('C1 the end comes within DRAIN_MS + 5 s, even with clients that never answer, or never read', async (t) => {
  const gateway = new GatewayProcess(t, { PORT: '0', DRAIN_MS: '500', SEND_QUEUE_BYTES: '1024' })
  const port = await gateway.port()
  const [mute, deaf, talker] = await crowd(t, port, 3)
  mute!.socket.pause()
  deaf!.socket.pause()
  // More than the kernel takes for those who do not read.
  for (let n = 0; n < 40; n++) t.match(await talker!.ask({ type: 'message', room: 'a', content: 'x'.repeat(60_000) }), { type: 'ack' })
  const silent = connectTcp(port, '127.0.0.1')
  await once(silent, 'connect')
  const startMs = performance.now()
  gateway.child.kill('SIGTERM')
  t.strictSame(await gateway.ended, { code: 0, signal: null })
  t.ok(performance.now() - startMs < 5_500)
  silent.destroy()
})

t.test('the end comes in time though Redis does not answer either', async (t) => {
  const redis = await RedisServer.start()
  t.teardown(() => redis.stop())
  const gateway = new GatewayProcess(t, { PORT: '0', DRAIN_MS: '500', REDIS_URL: redis.url })
  const mute = await connect(t, (await gateway.ready()).ws)
  mute.socket.pause()
  redis.child!.process.kill('SIGSTOP')
  const startMs = performance.now()
  gateway.child.kill('SIGTERM')
  t.strictSame(await gateway.ended, { code: 0, signal: null })
  t.ok(performance.now() - startMs < 5_500)
})

t.test('C3 while it drains nobody new is let in, and who is there is served', async (t) => {
  const { gateway, http, ws } = await startGateway(t, { DRAIN_MS: '600000' })
  const client = await connect(t, ws)
  const stopping = gateway.stop()
  t.match(await refused(ws), { status: 503, body: { reason: 'unavailable', message: 'draining' }, retryAfter: '1' })
  t.equal((await fetch(`${http}/readyz`)).status, 503)
  t.equal((await fetch(`${http}/healthz`)).status, 200)
  t.equal((await fetch(`${http}/position`)).status, 200)
  t.match(await client.ask({ type: 'ping' }), { type: 'pong' })
  client.socket.terminate()
  await stopping
  await gateway.stop()
})

t.test('who waits for the check of its token when the drain begins is not let in any more', async (t) => {
  const issuer = await Issuer.start(t, ['ES256'])
  let answer = (): void => {}
  const isAsked = new Promise<void>((resolve) => {
    issuer.respond = (response) => {
      answer = () => response.end(JSON.stringify(issuer.jwks))
      resolve()
    }
  })
  const { gateway, ws } = await startGateway(t, { AUTH_JWKS_URL: issuer.url })
  const token = await issuer.sign('ES256', { sub: 'ann', exp: Math.floor(Date.now() / 1000) + 60 })
  const answered = [refused(ws, { headers: { authorization: `Bearer ${token}` } }), refused(`${ws}?token=${token}`)]
  await isAsked
  await delay(100)
  const stopping = gateway.stop(0)
  answer()
  for (const one of answered) t.match(await one, { status: 503, body: { message: 'draining' }, retryAfter: '1' })
  await stopping
})

t.test('a connection of its age is sent to come anew, and the replica stays', async (t) => {
  const { ws } = await startGateway(t, { MAX_CONNECTION_AGE_MS: '200' })
  const client = await connect(t, ws)
  t.match(await client.next('goodbye'), { reason: 'draining', reconnect: true, afterMs: 0 })
  t.match(await client.ask({ type: 'ping' }), { type: 'pong' })
  await connect(t, ws)
  t.match(await client.closed, { code: 1001 })
})

t.test('a port that is taken is one clear line, and exit code 1', async (t) => {
  const server = createServer().listen(0, '0.0.0.0')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  const { port } = server.address() as { port: number }
  const gateway = new GatewayProcess(t, { PORT: String(port) })
  t.strictSame(await gateway.ended, { code: 1, signal: null })
  t.equal(gateway.stderr, `tidegate: PORT: ${port} is taken\n`)
})

t.test('bad settings are all named at once, a line each, and exit code 1', async (t) => {
  const gateway = new GatewayProcess(t, {
    PORT: '70000', LOG_ENTRIES: 'many', ALLOWED_ORIGINS: 'not an origin', REDIS_URL: 'http://:sesame@x', AUTH_SECRET: 'sesame'
  })
  t.strictSame(await gateway.ended, { code: 1, signal: null })
  const lines = gateway.stderr.trimEnd().split('\n')
  t.ok(lines.every((line) => line.startsWith('tidegate: ')), gateway.stderr)
  for (const name of ['PORT', 'LOG_ENTRIES', 'ALLOWED_ORIGINS', 'REDIS_URL', 'AUTH_SECRET']) {
    t.ok(lines.some((line) => line.startsWith(`tidegate: ${name}: `)), name)
  }
  t.notMatch(gateway.stderr, /sesame/)
})

t.test('a rules file that is missing or wrong is one clear line for each fault, and exit code 1', async (t) => {
  const dir = t.testdir({ 'rooms.json': '{"rooms":{"a":{"kind":"loud"},"b":{"colour":1}}}', 'broken.yaml': 'rooms: [' })
  const wrong = new GatewayProcess(t, { PORT: '0', ROOMS_FILE: `${dir}/rooms.json` })
  t.strictSame(await wrong.ended, { code: 1, signal: null })
  t.match(wrong.stderr, /ROOMS_FILE: .*rooms\.a\.kind must be .*log, latest, live\n/)
  t.match(wrong.stderr, /ROOMS_FILE: .*rooms\.b .*colour\n/)
  for (const file of ['broken.yaml', 'missing.yaml']) {
    const gateway = new GatewayProcess(t, { PORT: '0', ROOMS_FILE: `${dir}/${file}` })
    t.strictSame(await gateway.ended, { code: 1, signal: null })
    t.match(gateway.stderr, new RegExp(`^tidegate: ROOMS_FILE: .*${file}.*\n$`))
  }
})
