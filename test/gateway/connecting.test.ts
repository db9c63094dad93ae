import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { RawSocket, rawFrame, UPGRADE_HEADERS, upgradeHead } from '../../bench/floods/raw-socket.ts'
import { connect, refused } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { GatewayProcess } from '../helpers/process.ts'

t.test('the first frame says who and where one is, and what holds', async (t) => {
  const { ws } = await startGateway(t)
  const { welcome } = await connect(t, `${ws}?user=ann`)
  t.match(welcome, {
    type: 'welcome',
    protocol: 1,
    connection: /^c_[A-Za-z0-9_-]{6,}$/,
    user: 'ann',
    replica: 'gw-test',
    pingIntervalMs: 25_000,
    maxMessageBytes: 65_536,
    broadcastCursor: /^[^.]+\.0\.[^.]+$/
  })
  t.equal(welcome['expires'], undefined)
})

t.test('a guest gets a name of its own', async (t) => {
  const { ws } = await startGateway(t)
  const [a, b] = await Promise.all([connect(t, ws), connect(t, ws)])
  t.match(a.welcome['user'], /^guest-[a-z0-9]{6}$/)
  t.not(a.welcome['user'], b.welcome['user'])
})

t.test('rooms named in the address are joined at once, with their history', async (t) => {
  const { ws } = await startGateway(t)
  const ann = await connect(t, `${ws}?join=general`)
  for (const content of [1, 2, 3]) await ann.ask({ type: 'message', room: 'general', content })
  const bob = await connect(t, `${ws}?join=position&join=general&history=2`)
  t.match(await bob.take(({ room }) => room === 'position', 'joined'), { type: 'joined', replay: 1 })
  t.match(await bob.next('joined'), { room: 'general', seq: 3, replay: 2 })
  t.match(await bob.next('message'), { content: 2 })
  t.match(await bob.next('message'), { content: 3 })
})

t.test('a room or a number that is none is told after the welcome; the connection stays', async (t) => {
  const { ws } = await startGateway(t)
  const client = await connect(t, `${ws}?join=%7Bbad%7D&join=good&history=x`)
  t.match(await client.next('error'), { code: 400, reason: 'bad_room' })
  t.match(await client.next('error'), { code: 400, reason: 'bad_message', message: /^history: / })
  t.match(await client.ask({ type: 'ping' }), { type: 'pong' })
})

t.test('names that cannot be shown on one line are refused before the upgrade', async (t) => {
  const { ws } = await startGateway(t)
  for (const user of ['', 'a%0Ab', 'x'.repeat(65)]) {
    const { status, body } = await refused(`${ws}?user=${user}`)
    t.equal(status, 400)
    t.match(body, { code: 400, reason: 'bad_message', message: /^user: / })
  }
})

t.test('an upgrade of any other address is refused, and a plain request for /ws too', async (t) => {
  const { http, port } = await startGateway(t)
  const there = await refused(`ws://127.0.0.1:${port}/position`)
  t.equal(there.status, 400)
  t.match(there.body, { reason: 'bad_message', message: /^upgrade: / })
  t.equal((await refused(`ws://127.0.0.1:${port}/nowhere`)).status, 404)
  const plain = await fetch(`${http}/ws`)
  t.equal(plain.status, 400)
  t.match(await plain.json(), { reason: 'bad_message', message: /^upgrade: / })
})

t.test('a replica that is full, or hears too much of one address, says so before the upgrade', async (t) => {
  const full = await startGateway(t, { MAX_CONNECTIONS: '1' })
  const first = await connect(t, full.ws)
  const answer = await refused(full.ws)
  t.equal(answer.status, 503)
  t.ok(answer.retryAfter)
  first.socket.close()
  await first.closed
  await connect(t, full.ws)

  const crowded = await startGateway(t, { MAX_CONNECTIONS_PER_ADDRESS: '2' })
  await connect(t, crowded.ws)
  await connect(t, crowded.ws)
  t.equal((await refused(crowded.ws)).status, 429)
  // The address is the proxy's word, because the proxy is trusted: loopback.
  await connect(t, crowded.ws, { headers: { 'x-forwarded-for': '203.0.113.9' } })
})

t.test('new connections come at a bounded rate', async (t) => {
  const { ws } = await startGateway(t, { RATE_CONNECTIONS: '1' })
  await connect(t, ws)
  await connect(t, ws)
  const { status, retryAfter } = await refused(ws)
  t.equal(status, 503)
  t.equal(retryAfter, '1')
})

t.test('an address whose connections flood, one after the other, is let in less and less; nobody else is', async (t) => {
  const { ws, port } = await startGateway(t)
  const headers = { 'x-forwarded-for': '203.0.113.9' }
  const nonsense = Buffer.concat(Array.from({ length: 11 }, () => rawFrame('nonsense')))
  let floods = 0
  for (; floods < 100; floods++) {
    const raw = new RawSocket(port, {})
    t.teardown(() => raw.socket.destroy())
    raw.socket.write(upgradeHead('/ws', { ...UPGRADE_HEADERS, ...headers }))
    const { status } = await raw.until((said) => said.status !== undefined)
    if (status === 429) break
    raw.socket.write(nonsense)
    t.match(await raw.until(({ code }) => code !== undefined), { code: 4400 })
  }
  // Four hundred could have come, who mean well; each that floods counts as a hundred.
  t.ok(floods >= 3 && floods < 10, `refused after ${floods} floods`)
  await connect(t, ws, { headers: { 'x-forwarded-for': '203.0.113.10' } })
})

/** A socket that asks for an upgrade by hand, and never hangs up by itself. */
async function upgrade (t: Test, port: number, path: string, change = (head: string): string => head): Promise<Socket> {
  const socket = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  socket.write(change([
    `GET ${path} HTTP/1.1`, 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', ''
  ].join('\r\n')))
  return socket
}

t.test('who is refused and does not hang up keeps no socket here, and does not hold up the end', async (t) => {
  const { gateway, port } = await startGateway(t)
  const socket = await upgrade(t, port, '/nowhere')
  socket.resume()
  await once(socket, 'end')
  const begunMs = performance.now()
  await gateway.stop(0)
  t.ok(performance.now() - begunMs < 2_000)
})

t.test('what is no WebSocket handshake is refused as all else is: as JSON', async (t) => {
  const { http, port } = await startGateway(t)
  const changes: Array<(head: string) => string> = [
    (head) => head.replace(/Sec-WebSocket-Key.*\r\n/, ''),
    (head) => head.replace('Upgrade: websocket', 'Upgrade: h2c'),
    (head) => head.replace('GET', 'POST'),
    (head) => head.replace('Version: 13', 'Version: 12')
  ]
  for (const change of changes) {
    const socket = await upgrade(t, port, '/ws', change)
    const answer = (await socket.setEncoding('utf8').toArray()).join('')
    const [head, body] = answer.split('\r\n\r\n')
    t.match(head, /^HTTP\/1\.1 400 [^]*sec-websocket-version: 13[^]*application\/json/i)
    t.match(JSON.parse(body!), { code: 400, reason: 'bad_message', message: /^upgrade: / })
  }
  t.match(await (await fetch(`${http}/metrics`)).text(), 'tidegate_upgrades_refused_total{reason="bad_message"} 4')
})

t.test('who has gone before the upgrade is looked at is no error of ours', async (t) => {
  const gateway = new GatewayProcess(t, { PORT: '0' })
  const port = await gateway.port()
  gateway.child.kill('SIGSTOP')
  const sockets = await Promise.all([1, 2, 3].map(() => upgrade(t, port, '/ws')))
  await delay(100)
  for (const socket of sockets) socket.resetAndDestroy()
  await delay(100)
  gateway.child.kill('SIGCONT')
  t.match(await connect(t, `ws://127.0.0.1:${port}/ws`), { welcome: { type: 'welcome' } })
  t.notMatch(gateway.stdout, /"level":50/)
})

t.test('an upgrade behind a request that is not answered yet would have its frames cut by that answer: it ends', async (t) => {
  const { port } = await startGateway(t)
  const socket = await upgrade(t, port, '/ws', (head) => `GET /position HTTP/1.1\r\nHost: x\r\n\r\n${head}`)
  const text = (await socket.setEncoding('latin1').toArray()).join('')
  t.notMatch(text, /101 Switching/)
})
