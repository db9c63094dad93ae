import { once } from 'node:events'
import { connect as connectTcp, createServer } from 'node:net'
import t from 'tap'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { GatewayProcess } from '../helpers/process.ts'

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} says goodbye to everyone and ends with 0`, async (t) => {
    const gateway = new GatewayProcess(t, { PORT: '0' })
    const port = await gateway.port()
    const clients = await Promise.all(Array.from({ length: 5 }, () => connect(t, `ws://127.0.0.1:${port}/ws?join=a`)))
    await Promise.all(clients.map((client) => client.next('joined')))
    gateway.child.kill(signal)
    for (const client of clients) {
      t.match(await client.next('goodbye'), { reason: 'draining', reconnect: true, afterMs: 0 })
      t.match(await client.closed, { code: 1001 })
    }
    t.strictSame(await gateway.ended, { code: 0, signal: null })
    t.equal(gateway.stderr, '')
  })
}

t.test('a second SIGTERM ends at once; a Ctrl-C that npm passes on once more is the same one', async (t) => {
  const twice = new GatewayProcess(t, { PORT: '0' })
  const mute = await connect(t, `ws://127.0.0.1:${await twice.port()}/ws`)
  mute.socket.pause()
  twice.child.kill('SIGTERM')
  await twice.says('ending')
  twice.child.kill('SIGTERM')
  t.strictSame(await twice.ended, { code: 1, signal: null })

  const npm = new GatewayProcess(t, { PORT: '0' })
  const client = await connect(t, `ws://127.0.0.1:${await npm.port()}/ws`)
  npm.child.kill('SIGINT')
  await npm.says('ending')
  npm.child.kill('SIGINT')
  t.match(await client.next('goodbye'), { reason: 'draining' })
  t.strictSame(await npm.ended, { code: 0, signal: null })
})

t.test('the end comes in time even with a client that never answers, and a connection that says nothing', async (t) => {
  const gateway = new GatewayProcess(t, { PORT: '0' })
  const port = await gateway.port()
  const mute = await connect(t, `ws://127.0.0.1:${port}/ws`)
  mute.socket.pause()
  const silent = connectTcp(port, '127.0.0.1')
  await once(silent, 'connect')
  const startMs = performance.now()
  gateway.child.kill('SIGTERM')
  t.strictSame(await gateway.ended, { code: 0, signal: null })
  t.ok(performance.now() - startMs < 5_000)
  silent.destroy()
})

t.test('while it ends, nobody new is let in', async (t) => {
  const { gateway, http, ws } = await startGateway(t)
  const mute = await connect(t, ws)
  mute.socket.pause()
  const stopping = gateway.stop()
  await t.rejects(fetch(`${http}/readyz`).then(async (answer) => {
    if (answer.status === 503) throw new Error('503')
  }))
  mute.socket.terminate()
  await stopping
  await gateway.stop()
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
