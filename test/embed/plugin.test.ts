import { EventEmitter, once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect as connectTcp, type Socket } from 'node:net'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { ConfigError, tidegate, type TidegateOptions } from '../../src/index.ts'
import { connect, refused } from '../helpers/client.ts'
import { offerH2c } from '../helpers/h2c.ts'
import { startHost } from '../helpers/host.ts'

t.test('a gateway in an app of one\'s own: sockets, routes, and code that publishes', async (t) => {
  const { app, http, ws } = await startHost(t, { prefix: '/realtime', replica: 'mine' })
  const ann = await connect(t, `${ws}?user=ann&join=general`)
  t.match(ann.welcome, { user: 'ann', replica: 'mine' })
  await ann.next('joined')
  t.match(await app.tidegate.publish('general', { a: 1 }), { seq: 1, duplicate: false })
  t.match(await ann.next('message'), { from: 'server', content: { a: 1 }, seq: 1 })
  t.equal((await app.tidegate.move(5)).position, 5)
  t.strictSame(await (await fetch(`${http}/realtime/position`)).json(), { position: 5 })
  t.match(await app.tidegate.members('general'), { count: 1, members: [{ user: 'ann', connections: 1 }] })
  t.match(await app.tidegate.rooms(), { rooms: [{ room: 'general', members: 1 }], more: false })
  t.match(await app.tidegate.history('general'), { messages: [{ content: { a: 1 }, from: 'server', seq: 1 }], more: false })
  await app.tidegate.broadcast('hello all', { from: 'ops' })
  t.match(await ann.next('broadcast'), { from: 'ops', content: 'hello all' })
  await app.tidegate.disconnect('ann')
  t.match(await ann.closed, { code: 4403 })
})

t.test('the app\'s own routes stay as they are: headers, errors, body types, 404', async (t) => {
  const plain: FastifyInstance = Fastify()
  const setUp = (app: FastifyInstance): void => {
    app.get('/hello', async () => ({ hello: 'world' }))
    app.post('/echo', async (request) => ({ body: request.body }))
    app.get('/fails', async () => { throw new Error('my own') })
  }
  setUp(plain)
  t.teardown(() => plain.close())
  await plain.listen({ port: 0, host: '127.0.0.1' })
  const { port } = plain.server.address() as { port: number }
  const { http } = await startHost(t, { prefix: '/realtime' }, { setUp })
  const answersOf = async (site: string): Promise<unknown[]> => {
    const text = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'hi' }
    const answers = await Promise.all([
      fetch(`${site}/hello`, { headers: { origin: 'https://elsewhere.example' } }),
      fetch(`${site}/echo`, text), fetch(`${site}/fails`), fetch(`${site}/realtime/nothing`), fetch(`${site}/chat`),
      fetch(`${site}/healthz`), fetch(`${site}/hello`, { method: 'OPTIONS' })
    ])
    return await Promise.all(answers.map(async (answer) => {
      const { date, ...headers } = Object.fromEntries(answer.headers)
      return { status: answer.status, headers, body: await answer.text() }
    }))
  }
  t.strictSame(await answersOf(http), await answersOf(`http://127.0.0.1:${port}`))
  t.equal((await fetch(`${http}/realtime/position`, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' })).status, 400)
})

t.test('an app with CORS, helmet, a rate limit and hooks of its own takes a gateway all the same', async (t) => {
  const { http, ws } = await startHost(t, { prefix: '/realtime', pages: true, opsRoutes: true }, {
    setUp: async (app) => {
      await app.register(cors, { origin: 'https://mine.example' })
      await app.register(helmet)
      await app.register(rateLimit, { max: 1_000 })
      app.setErrorHandler((_error, _request, reply) => reply.code(418).send('mine'))
      app.setNotFoundHandler((_request, reply) => reply.code(404).send('mine'))
      app.setValidatorCompiler(() => () => false)
      app.get('/hello', async () => 'hello')
    }
  })
  const hello = await fetch(`${http}/hello`)
  t.equal(hello.headers.get('access-control-allow-origin'), 'https://mine.example')
  t.equal(hello.headers.get('x-ratelimit-limit'), '1000')
  t.equal(await (await fetch(`${http}/nowhere`)).text(), 'mine')
  const page = await fetch(`${http}/realtime/chat`, { headers: { origin: http } })
  t.equal(page.status, 200)
  t.equal(page.headers.get('access-control-allow-origin'), http)
  t.match(page.headers.get('content-security-policy'), /default-src 'none'/)
  const bad = await fetch(`${http}/realtime/position`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' })
  t.match({ status: bad.status, body: await bad.json() }, { status: 400, body: { code: 400, reason: 'bad_json' } })
  t.match(await (await fetch(`${http}/realtime/metrics`)).text(), /tidegate_connections 0/)
  t.equal((await fetch(`${http}/realtime/readyz`)).status, 200)
  const landed = await fetch(`${http}/realtime/`)
  t.equal(landed.url, `${http}/realtime/chat`)
  for (const [, path] of (await landed.text()).matchAll(/(?:src|href)="([^"#]+)"/g)) {
    t.equal((await fetch(new URL(path!, landed.url))).status, 200, path!)
  }
  for (const docs of [`${http}/realtime/docs`, `${http}/realtime/docs/`]) {
    const paths = [...(await (await fetch(docs)).text()).matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path]) => path!)
    t.ok(paths.length > 4)
    for (const path of paths) {
      const part = await fetch(new URL(path, docs))
      t.equal(part.status, 200, `${path} of ${docs}`)
      // Unread, a large one would hold up the end.
      await part.arrayBuffer()
    }
  }
  t.match(await (await fetch(`${http}/realtime/docs/asyncapi.json`)).json(), { channels: { socket: { address: '/realtime/ws' } } })
  await connect(t, ws)
})

t.test('another library\'s WebSockets on another path work beside it, and neither takes the other\'s', async (t) => {
  const theirs = new WebSocketServer({ noServer: true })
  const { app, http, ws } = await startHost(t, { prefix: '/realtime' }, {
    setUp: (app) => {
      app.server.on('upgrade', (request, socket, head) => {
        // As most do: what is none of theirs is ended.
        if (request.url !== '/theirs') socket.destroy()
        else theirs.handleUpgrade(request, socket, head, (socket) => socket.send('theirs'))
      })
    }
  })
  const site = http.replace('http', 'ws')
  const other = new WebSocket(`${site}/theirs`)
  t.teardown(() => other.terminate())
  t.equal(String((await once(other, 'message'))[0]), 'theirs')
  await t.rejects(once(new WebSocket(`${site}/nobody`), 'open'), 'theirs ends what nobody takes')
  // And one that comes later, and answers 400 to what is none of its own.
  app.server.removeAllListeners('upgrade')
  const later = new WebSocketServer({ server: app.server, path: '/later' })
  later.on('connection', (socket) => socket.send('later'))
  const another = new WebSocket(`${site}/later`)
  t.teardown(() => another.terminate())
  t.equal(String((await once(another, 'message'))[0]), 'later')
  const ann = await connect(t, `${ws}?user=ann`)
  t.match(await ann.ask({ type: 'ping' }), { type: 'pong' })
})

t.test('who leaves while the app\'s own onRequest decides is none of the gateway\'s', async (t) => {
  let decide = (): void => {}
  const asking = new EventEmitter()
  const { app, http, logged } = await startHost(t, { trustProxy: ['127.0.0.1'], maxConnectionsPerAddress: 1, opsRoutes: true }, {
    setUp: (app) => {
      app.addHook('onRequest', async (request) => {
        if (!request.url.startsWith('/events')) return
        asking.emit('asked', request.raw.socket)
        await new Promise<void>((resolve) => { decide = resolve })
      })
    }
  })
  const headers = { 'x-forwarded-for': '192.0.2.1' }
  const asked = get(`${http}/events?room=a`, { headers, agent: false }).on('error', () => {})
  const [socket] = await once(asking, 'asked') as [Socket]
  asked.destroy()
  await once(socket, 'close')
  decide()
  void once(asking, 'asked').then(() => decide())
  const stream = get(`${http}/events?room=a`, { headers, agent: false })
  const [answer] = await once(stream, 'response') as [IncomingMessage]
  t.equal(answer.statusCode, 200, 'its place is free')
  t.match(await app.tidegate.metrics(), /tidegate_event_streams 1\n/)
  stream.destroy()
  t.notOk(logged.some((line) => line.includes('request failed')))
})

t.test('where nobody else takes upgrades, an address of the app answers as if none had been asked for', async (t) => {
  const { http } = await startHost(t, { prefix: '/realtime' }, {
    setUp: (app) => {
      app.get('/hello', async () => 'hello')
      app.post('/echo', async ({ body }) => body)
    }
  })
  const { port } = new URL(http)
  t.strictSame(await offerH2c(port, 'GET', '/hello'), [200, 'hello'])
  t.strictSame(await offerH2c(port, 'POST', '/echo', '{"a":1}'), [200, '{"a":1}'])
  t.match(await offerH2c(port, 'POST', '/realtime/rooms/a/messages', '{"content":1}'), [200, /^\{"seq":1,/])
  t.match(await refused(`${http.replace('http', 'ws')}/nowhere`), { status: 404, body: { statusCode: 404 } })
})

t.test('an upgrade behind a request that is not answered yet ends that connection, and no process', async (t) => {
  const { http } = await startHost(t, {}, {
    setUp: (app) => {
      app.get('/hang', async () => await new Promise(() => {}))
      app.get('/hello', async () => 'hello')
    }
  })
  const client = connectTcp(Number(new URL(http).port), '127.0.0.1')
  client.on('error', () => {})
  client.write('GET /hang HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')
  await once(client, 'close')
  t.equal(await (await fetch(`${http}/hello`)).text(), 'hello')
})

t.test('two gateways in one app know nothing of each other', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const scopes: Record<string, FastifyInstance> = {}
  for (const name of ['a', 'b']) {
    await app.register(async (scope) => {
      await scope.register(tidegate, { prefix: `/${name}`, drainMs: 0 })
      scopes[name] = scope
    })
  }
  t.notOk(app.hasDecorator('tidegate'), 'each has its own in its own scope')
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  const [a, b] = await Promise.all(['a', 'b'].map((name) => connect(t, `ws://127.0.0.1:${port}/${name}/ws?join=r`)))
  await Promise.all([a!.next('joined'), b!.next('joined')])
  await scopes['a']!.tidegate.publish('r', 'in a')
  await scopes['b']!.tidegate.publish('r', 'in b')
  t.match(await a!.next('message'), { content: 'in a', seq: 1 })
  t.match(await b!.next('message'), { content: 'in b', seq: 1 })
  t.match(await refused(`ws://127.0.0.1:${port}/ws`), { status: 404 })
})

t.test('app.close() says goodbye with slots, serves till then, and ends', async (t) => {
  const { app, ws } = await startHost(t, { drainMs: 400 })
  const clients = await Promise.all([1, 2].map(() => connect(t, `${ws}?join=a`)))
  await Promise.all(clients.map((client) => client.next('joined')))
  const closing = app.close()
  const slots = await Promise.all(clients.map(async (client) => (await client.next('goodbye'))['afterMs']))
  t.strictSame(slots.sort(), [0, 200])
  t.match(await refused(ws), { status: 503, body: { reason: 'unavailable', message: 'draining' } })
  t.match(await clients[0]!.ask({ type: 'message', room: 'a', content: 1 }), { type: 'ack' })
  for (const client of clients) t.match(await client.closed, { code: 1001 })
  await closing
})

t.test('app.tidegate.stop() before it sends everyone away while the app\'s routes are served', async (t) => {
  const { app, ws, http } = await startHost(t, {}, { setUp: (app) => { app.get('/hello', async () => 'hello') } })
  const client = await connect(t, ws)
  const stopping = app.tidegate.stop(0)
  await client.next('goodbye')
  t.equal((await fetch(`${http}/hello`)).status, 200)
  t.equal(app.tidegate.whyNotReady, 'draining')
  client.socket.close()
  await stopping
  t.equal((await fetch(`${http}/hello`)).status, 200)
  await t.rejects(app.tidegate.publish('position', 1), /by move/)
})

t.test('an app that fails to start leaves nothing running', async (t) => {
  const app = Fastify()
  await app.register(tidegate, {})
  void app.register(async () => { throw new Error('mine') })
  await t.rejects(async () => { await app.ready() }, /mine/)
  await app.close()
})

t.test('bad options are all named at once, by the names they were given', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const options = {
    redis: 'http://:sesame@x',
    prefix: 'realtime/',
    logEntries: 0,
    maxConnexions: 5,
    port: 80,
    authSecret: 'short',
    allowedOrigins: ['nowhere'],
    hookTimeoutMs: 0,
    hooks: { onMesage: () => {}, onJoin: 'loud' },
    rooms: { 'a b': { kind: 'loud' } }
  } as unknown as TidegateOptions
  const registering = Promise.resolve(app.register(tidegate, options))
  const error: unknown = await registering.then(() => undefined, (error: unknown) => error)
  t.ok(error instanceof ConfigError)
  const { problems } = error as ConfigError
  for (const name of ['redis', 'prefix', 'logEntries', 'maxConnexions', 'port', 'authSecret', 'allowedOrigins', 'hookTimeoutMs', 'hooks.onMesage', 'hooks.onJoin', 'rooms.a b']) {
    t.ok(problems.some((problem) => problem.startsWith(name)), name)
  }
  t.notMatch(problems.join('\n'), /sesame|short|[A-Z]+_[A-Z]+/)
})

t.test('what it logs goes to the app\'s logger, and no token with it', async (t) => {
  const { http, ws, logged } = await startHost(t, { prefix: '/rt', replica: 'mine' })
  await connect(t, `${ws}?token=sesame`)
  await fetch(`${http}/rt/position?token=sesame`)
  t.ok(logged.some((line) => line.includes('"path":"/rt/position"') && line.includes('"replica":"mine"')))
  t.ok(logged.some((line) => line.includes('open: whoever reaches the gateway')))
  t.notMatch(logged.join(''), /sesame/)
})
