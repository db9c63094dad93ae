import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import t from 'tap'
import { connect, refused } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { figuresOf } from '../helpers/metrics.ts'

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

t.test('a handshake that breaks RFC 6455 is refused like everything else, and counted', async (t) => {
  const { http } = await startGateway(t, { DEFLATE_BYTES: '200' })
  const right = { 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' }
  const wrong: ReadonlyArray<readonly [Record<string, string>, RegExp]> = [
    [{ 'sec-websocket-version': '12' }, /Version/],
    [{ 'sec-websocket-key': 'short' }, /Key/],
    [{ 'sec-websocket-extensions': 'permessage-deflate; unheard-of' }, /Extensions/]
  ]
  for (const [headers, message] of wrong) {
    const asked = request(`${http}/ws`, { headers: { connection: 'Upgrade', upgrade: 'websocket', ...right, ...headers } }).end()
    const [response] = await once(asked, 'response') as [IncomingMessage]
    let text = ''
    for await (const chunk of response) text += chunk
    t.match(JSON.parse(text), { code: 400, reason: 'bad_message', message })
    t.match(response, { statusCode: 400, headers: { 'sec-websocket-version': '13' } })
  }
  t.equal((await figuresOf(http)).get('upgrades_refused_total{reason="bad_message"}'), wrong.length)
})
