import { once } from 'node:events'
import { createConnection } from 'node:net'
import t from 'tap'
import { connect, refused } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { figuresOf } from '../helpers/metrics.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { SECRET, tokenOf } from '../helpers/tokens.ts'
import { RedisServer } from '../../cluster/redis.ts'

async function statuses (url: string, count: number, init?: RequestInit): Promise<number[]> {
  return await Promise.all(Array.from({ length: count }, async () => (await fetch(url, init)).status))
}

t.test('over HTTP an address may ask so often in a second; those who watch the replica may always', async (t) => {
  const { http } = await startGateway(t, { RATE_HTTP: '10' })
  const limited = await statuses(`${http}/position`, 40)
  t.equal(limited.filter((status) => status === 200).length, 10)
  t.equal(limited.filter((status) => status === 429).length, 30)
  const answer = await fetch(`${http}/chat`)
  t.equal(answer.status, 429, 'pages count, too')
  t.equal(answer.headers.get('retry-after'), '1')
  t.strictSame(await answer.json(), { code: 429, reason: 'rate_limited', message: 'too many requests' })
  t.strictSame([...new Set(await statuses(`${http}/nowhere`, 5))], [429], 'and what is not there')
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    t.strictSame([...new Set(await statuses(`${http}${path}`, 40))], [200], path)
  }
})

t.test('of one connection a few requests are under way at once; whoever sends more is ended', async (t) => {
  const { port, http } = await startGateway(t)
  const ask = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
  const answersTo = async (text: string): Promise<number> => {
    const socket = createConnection(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(text)
    let got = ''
    for await (const chunk of socket) got += String(chunk)
    return got.split('HTTP/1.1 200 OK').length - 1
  }
  const last = ask.replace('Host', 'Connection: close\r\nHost')
  t.equal(await answersTo(ask.repeat(15) + last), 16)
  t.equal(await answersTo(ask.repeat(17)), 0)
  t.equal((await figuresOf(http)).get('hung_up_total{cause="pipelining"}'), 1)
})

interface Pour {
  readonly method?: string
  readonly path: string
  readonly status: number
  readonly localAddress: string
  readonly header?: string
}

/** Asks again for each answer, eight at a time, until it is hung up on, or has got more than a thousand. */
async function pour (
  port: number, { method = 'GET', path, status, localAddress, header = '' }: Pour
): Promise<{ answers: number, isHungUp: boolean }> {
  const socket = createConnection({ port, host: '127.0.0.1', localAddress })
  socket.on('error', () => {})
  const ask = `${method} ${path} HTTP/1.1\r\nHost: x\r\n${header}\r\n`
  socket.write(ask.repeat(8))
  let answers = 0
  let isHungUp = true
  socket.on('data', (chunk: Buffer) => {
    const text = String(chunk)
    answers += text.split(`HTTP/1.1 ${status}`).length - 1
    if (answers > 1_000) {
      isHungUp = false
      socket.destroy()
    } else socket.write(ask.repeat(text.split('HTTP/1.1 ').length - 1))
  })
  await new Promise((resolve) => { socket.on('close', resolve) })
  return { answers, isHungUp }
}

t.test('an address that goes on over HTTP, however often it is refused, is hung up on; others are served', async (t) => {
  const { port, http } = await startGateway(t, { RATE_HTTP: '10', TRUST_PROXY: '127.0.0.3' })
  const refused = { path: '/position', status: 429, localAddress: '127.0.0.2' }
  const { answers, isHungUp } = await pour(port, refused)
  t.ok(isHungUp && answers >= 190, `${answers} refusals, and then the end`)
  const sinceMs = performance.now()
  const next = await Promise.all(Array.from({ length: 50 }, () => pour(port, refused)))
  t.ok(next.every((each) => each.isHungUp))
  const allowed = 100 + 100 * Math.ceil((performance.now() - sinceMs) / 1_000)
  t.ok(next.reduce((sum, each) => sum + each.answers, 0) <= allowed, 'who comes again is not answered again and again')
  t.equal((await fetch(`${http}/position`)).status, 200)
  const figures = await figuresOf(http)
  t.ok(figures.get('hung_up_total{cause="rate"}')! > 0)
  t.ok(figures.get('http_rate_limited_total')! > answers)
  const proxy = await pour(port, { ...refused, localAddress: '127.0.0.3', header: 'X-Forwarded-For: 9.9.9.9\r\n' })
  t.notOk(proxy.isHungUp, 'a proxy is many clients, and is not hung up on')
})

t.test('who asks without end how the replica does, or what it may ask, is hung up on, too; a proxy is not', async (t) => {
  const { port, http } = await startGateway(t, { TRUST_PROXY: '127.0.0.2' })
  for (const [index, path] of ['/metrics', '/healthz', '/readyz'].entries()) {
    const asked = { path, status: 200, localAddress: `127.0.0.1${index}` }
    t.ok((await pour(port, asked)).isHungUp, path)
    t.notOk((await pour(port, { ...asked, localAddress: '127.0.0.2' })).isHungUp, `${path}, by a proxy`)
  }
  const header = 'Origin: http://x\r\nAccess-Control-Request-Method: GET\r\n'
  const preflight = { method: 'OPTIONS', path: '/position', status: 204, localAddress: '127.0.0.20', header }
  t.ok((await pour(port, preflight)).isHungUp)
  t.ok((await figuresOf(http)).get('hung_up_total{cause="rate"}')! > 0)
})

t.test('the limit comes before the token is looked at', async (t) => {
  const { http } = await startGateway(t, { RATE_HTTP: '5', AUTH_SECRET: SECRET })
  const guesses = await statuses(`${http}/position`, 30, { headers: { authorization: 'Bearer guess' } })
  t.equal(guesses.filter((status) => status === 401).length, 5)
  t.equal(guesses.filter((status) => status === 429).length, 25)
})

t.test('with the limit off nobody is limited', async (t) => {
  const { http } = await startGateway(t, { RATE_HTTP: '0' })
  t.strictSame([...new Set(await statuses(`${http}/position`, 300))], [200])
})

t.test('one connection may send so many bytes', async (t) => {
  const { ws } = await startGateway(t, { RATE_BYTES: '10000', MAX_MESSAGE_BYTES: '8000' })
  const client = await connect(t, `${ws}?join=general`)
  const content = 'x'.repeat(7_000)
  const answers = []
  for (let n = 0; n < 4; n++) answers.push(await client.ask({ type: 'message', room: 'general', content }))
  t.strictSame(answers.map(({ type }) => type), ['ack', 'ack', 'error', 'error'])
  t.match(answers[2], { code: 429, reason: 'rate_limited', retryable: true })
  t.ok((answers[2]!['retryAfterMs'] as number) > 0)
  t.match(await client.ask({ type: 'ping' }), { type: 'pong' }, 'what is small still fits')
})

t.test('a user may publish so much over all connections and HTTP; others are not held', async (t) => {
  const { ws, http } = await startGateway(t, { AUTH_SECRET: SECRET, RATE_USER_PUBLISHES: '5' })
  const ann = await tokenOf('ann', { can: ['move'] })
  const tabs = await Promise.all([1, 2].map(() => connect(t, `${ws}?token=${ann}&join=general`)))
  const outcomes: string[] = []
  for (let n = 0; n < 14; n++) {
    const answer = await tabs[n % 2]!.ask({ type: 'message', room: 'general', content: n })
    outcomes.push(answer.type)
    if (answer.type === 'error') t.match(answer, { code: 429, reason: 'rate_limited', retryAfterMs: Number })
  }
  t.equal(outcomes.filter((type) => type === 'ack').length, 10)
  const headers = { authorization: `Bearer ${ann}`, 'content-type': 'application/json' }
  const move = await fetch(`${http}/position`, { method: 'POST', headers, body: '{"delta":1}' })
  t.equal(move.status, 429)
  t.ok(Number(move.headers.get('retry-after')) >= 1)
  const bob = await connect(t, `${ws}?token=${await tokenOf('bob')}&join=general`)
  t.match(await bob.ask({ type: 'message', room: 'general', content: 'hello' }), { type: 'ack' })
})

t.test('an address may have so many connections, refused before the upgrade, and as many again when they have ended', async (t) => {
  const { ws } = await startGateway(t, { MAX_CONNECTIONS_PER_ADDRESS: '3' })
  const clients = await Promise.all([1, 2, 3].map(() => connect(t, ws)))
  const { status, body, retryAfter } = await refused(ws)
  t.equal(status, 429)
  t.match(body, { code: 429, reason: 'rate_limited' })
  t.ok(retryAfter)
  clients[0]!.socket.close()
  await clients[0]!.closed
  t.match((await connect(t, ws)).welcome, { type: 'welcome' })
})

t.test('upgrades that are refused for their token leave no place taken', async (t) => {
  const { ws } = await startGateway(t, { AUTH_SECRET: SECRET, MAX_CONNECTIONS_PER_ADDRESS: '3' })
  for (let n = 0; n < 20; n++) {
    t.equal((await refused(ws, { headers: { authorization: 'Bearer bad' } })).status, 401)
  }
  const good = await tokenOf('ann')
  await Promise.all([1, 2, 3].map(() => connect(t, `${ws}?token=${good}`)))
  t.equal((await refused(`${ws}?token=${good}`)).status, 429)
})

t.test('who closes by itself is no flooder, whatever code it closes with', async (t) => {
  const { ws } = await startGateway(t, { MAX_CONNECTIONS_PER_ADDRESS: '3' })
  for (const code of [1008, 4400, 4429]) {
    const client = await connect(t, ws)
    client.socket.close(code)
    t.match(await client.closed, { code })
  }
  await connect(t, ws)
})

t.test('an address that is forged counts for nothing, unless the proxy is trusted', async (t) => {
  const { ws } = await startGateway(t, { MAX_CONNECTIONS_PER_ADDRESS: '2', TRUST_PROXY: '10.9.9.9' })
  const from = (address: string): { headers: Record<string, string> } => ({ headers: { 'x-forwarded-for': address } })
  await connect(t, ws, from('1.1.1.1'))
  await connect(t, ws, from('2.2.2.2'))
  t.equal((await refused(ws, from('3.3.3.3'))).status, 429)
  const trusted = await startGateway(t, { MAX_CONNECTIONS_PER_ADDRESS: '1', TRUST_PROXY: 'loopback' })
  await connect(t, trusted.ws, from('1.1.1.1'))
  await connect(t, trusted.ws, from('2.2.2.2'))
  t.equal((await refused(trusted.ws, from('6.6.6.6, 2.2.2.2'))).status, 429, 'the last one that the proxy wrote counts')
})

t.test('one address holds no more than so many sockets, though it asks nothing of them; others are served', async (t) => {
  const { port, http } = await startGateway(t, { MAX_CONNECTIONS_PER_ADDRESS: '5', TRUST_PROXY: '10.9.9.9' })
  const sockets = Array.from({ length: 30 }, () => createConnection({ port, host: '127.0.0.1', localAddress: '127.0.0.2' }))
  t.teardown(() => { for (const socket of sockets) socket.destroy() })
  const outcomes = await Promise.all(sockets.map(async (socket) => {
    socket.on('error', () => {})
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')
    return await once(socket, 'data').then(() => 'served', () => 'closed')
  }))
  t.equal(outcomes.filter((outcome) => outcome === 'served').length, 10)
  t.equal((await fetch(`${http}/healthz`)).status, 200)
})

t.test('a replica follows no more rooms than it may; those it follows can be joined', async (t) => {
  // Two are its own: broadcasts, and orders to replicas.
  const { ws } = await startGateway(t, { MAX_ROOMS: '3' })
  const client = await connect(t, ws)
  const answers = []
  for (const room of ['a', 'b', 'c']) answers.push(await client.ask({ type: 'join', room }))
  t.strictSame(answers.map(({ type }) => type), ['joined', 'joined', 'error'])
  t.match(answers[2], { code: 413, reason: 'too_many_rooms', message: /^this replica/ })
  const other = await connect(t, ws)
  t.match(await other.ask({ type: 'join', room: 'a' }), { type: 'joined' })
})

t.test('rooms that were joined and left again take nobody\'s place', async (t) => {
  const { ws } = await startGateway(t, { MAX_ROOMS: '3' })
  const wanderer = await connect(t, ws)
  for (const room of ['a', 'b', 'c', 'd', 'e']) {
    t.match(await wanderer.ask({ type: 'join', room }), { type: 'joined' }, room)
    t.match(await wanderer.ask({ type: 'leave', room }), { type: 'left' })
  }
  const others = await connect(t, ws)
  for (const room of ['x', 'y']) t.match(await others.ask({ type: 'join', room }), { type: 'joined' }, room)
  t.match(await others.ask({ type: 'join', room: 'z' }), { reason: 'too_many_rooms' })
  t.match(await others.ask({ type: 'message', room: 'x', content: 1, id: 1 }), { type: 'ack' })
})

t.test('what is asked behind a fresh token is judged by it, though nobody waited for its answer', async (t) => {
  const { ws } = await startGateway(t, { AUTH_SECRET: SECRET })
  const weak = await tokenOf('ann', { rooms: {} })
  const client = await connect(t, `${ws}?token=${weak}`)
  client.send({ type: 'auth', id: 'a', token: await tokenOf('ann', { can: ['move'] }) })
  client.send({ type: 'join', id: 'j', room: 'general' })
  client.send({ type: 'move', id: 'm', delta: 1 })
  client.send({ type: 'auth', id: 'b', token: weak })
  client.send({ type: 'move', id: 'n', delta: 1 })
  const answer = async (id: string): Promise<string> => (await client.take((frame) => frame.id === id, id)).type
  t.strictSame([await answer('a'), await answer('j'), await answer('m'), await answer('b'), await answer('n')],
    ['authenticated', 'joined', 'ack', 'authenticated', 'error'])
})

t.test('a Redis that answers slowly does not switch the limit off', async (t) => {
  const redis = await RedisServer.start()
  t.teardown(() => redis.stop())
  const proxy = await TcpProxy.start(t, redis.port)
  const { http } = await startGateway(t, { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, RATE_HTTP: '10' })
  proxy.delayMs = 200
  const slow = await statuses(`${http}/position`, 100)
  const refusals = slow.filter((status) => status === 429).length
  t.ok(refusals >= 70, `${refusals} of 100 are refused: a replica by itself lets bursts of twice the rate through`)
})
