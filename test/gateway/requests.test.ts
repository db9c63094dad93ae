import t from 'tap'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'

t.test('every bad request is told what is wrong, with the field and the id, and the connection lives on', async (t) => {
  const { ws } = await startGateway(t)
  const cases: ReadonlyArray<readonly [request: string, reason: string, message: RegExp, id?: unknown]> = [
    ['{', 'bad_json', /JSON/],
    ['[]', 'bad_message', /object/],
    ['"join"', 'bad_message', /object/],
    ['{"id":1}', 'bad_message', /^type: /, 1],
    ['{"id":"x","type":"dance"}', 'unknown_type', /dance/, 'x'],
    ['{"id":1.5,"type":"ping"}', 'bad_message', /^id: /],
    [`{"id":"${'x'.repeat(65)}","type":"ping"}`, 'bad_message', /^id: /],
    ['{"id":1,"type":"join"}', 'bad_message', /^room: /, 1],
    ['{"id":1,"type":"join","room":7}', 'bad_message', /^room: /, 1],
    ['{"id":1,"type":"join","room":"a}b"}', 'bad_room', /^room: /, 1],
    ['{"id":1,"type":"join","room":"$secret"}', 'bad_room', /^room: /, 1],
    ['{"id":1,"type":"join","room":"a","since":5}', 'bad_cursor', /^since: /, 1],
    ['{"id":1,"type":"join","room":"a","history":-1}', 'bad_message', /^history: /, 1],
    ['{"id":1,"type":"message","room":"a"}', 'bad_message', /^content: /, 1],
    ['{"id":1,"type":"message","room":"a","content":1,"key":""}', 'bad_message', /^key: /, 1],
    ['{"id":1,"type":"message","room":"a","content":1,"ephemeral":"yes"}', 'bad_message', /^ephemeral: /, 1],
    ['{"type":"message","room":"a","content":1,"echo":false}', 'bad_message', /^id: /],
    ['{"id":1,"type":"message","room":"a","content":1}', 'not_joined', /join/, 1],
    ['{"id":1,"type":"message","room":"position","content":1}', 'forbidden', /position/, 1],
    ['{"id":1,"type":"broadcast"}', 'bad_message', /^content: /, 1],
    ['{"id":1,"type":"move"}', 'bad_message', /^delta: /, 1],
    ['{"id":1,"type":"move","delta":"50"}', 'bad_message', /^delta: /, 1],
    ['{"id":1,"type":"move","delta":1.5}', 'bad_message', /^delta: /, 1],
    ['{"id":1,"type":"move","delta":9007199254740993}', 'bad_message', /^delta: /, 1],
    ['{"id":1,"type":"move","delta":1e309}', 'bad_message', /^delta: /, 1],
    ['{"id":1,"type":"history","room":"a","limit":201}', 'bad_message', /^limit: /, 1],
    ['{"id":1,"type":"history","room":"a","before":0}', 'bad_message', /^before: /, 1]
  ]
  for (const [request, reason, message, id] of cases) {
    // A connection each: more than ten malformed frames in a minute end one.
    const client = await connect(t, ws)
    client.send(request)
    const error = await client.next('error')
    t.match(error, { reason, message }, request)
    t.equal(error.id, id, request)
    t.match(await client.ask({ type: 'ping' }), { type: 'pong' }, request)
    client.socket.close()
  }
})

t.test('an answer comes without an id too; only the ack is left out', async (t) => {
  const { ws } = await startGateway(t)
  const client = await connect(t, ws)
  client.send({ type: 'join', room: 'a' })
  client.send({ type: 'message', room: 'a', content: 1, id: null, key: null, unknown: true })
  client.send({ type: 'ping' })
  client.send({ type: 'history', room: 'a' })
  client.send({ type: 'leave', room: 'a' })
  await client.next('left')
  t.strictSame(client.frames.map(({ type }) => type).sort(), ['history', 'joined', 'message', 'pong'])
  t.ok(client.frames.every((frame) => !('id' in frame)))
})

t.test('an id may be an integer or a string, 0 and the empty one too', async (t) => {
  const { ws } = await startGateway(t)
  const client = await connect(t, ws)
  for (const id of [0, -7, '', 'ü', Number.MAX_SAFE_INTEGER]) {
    client.send({ type: 'ping', id })
    t.strictSame((await client.next('pong')).id, id)
  }
})

t.test('names of members of every object are no way in', async (t) => {
  const { ws } = await startGateway(t)
  const client = await connect(t, ws)
  client.send('{"__proto__":{"type":"ping"},"constructor":1,"id":1}')
  t.match(await client.next('error'), { reason: 'bad_message', message: 'type: missing' })
  for (const room of ['constructor', 'toString', 'hasOwnProperty']) {
    t.match(await client.ask({ type: 'join', room }), { type: 'joined', room, seq: 0 })
  }
})

t.test('frames that are too deep or too large for no good reason are taken, or refused, and harm nobody', async (t) => {
  const { ws } = await startGateway(t)
  const client = await connect(t, ws)
  client.send('['.repeat(65_000))
  t.match(await client.next('error'), { reason: 'bad_json' })
  client.send('{"id":1,"type":"ping","deep":' + '['.repeat(30_000) + ']'.repeat(30_000) + '}')
  t.match(await client.next('pong'), { id: 1 })
  client.send(JSON.stringify({ type: 'message', room: 'a', content: 'x'.repeat(65_536) }))
  t.match(await client.closed, { code: 1009 })
  await connect(t, ws)
})

t.test('a binary frame ends the connection with 1003', async (t) => {
  const { ws } = await startGateway(t)
  const client = await connect(t, ws)
  client.socket.send(Buffer.from('{"type":"ping"}'))
  t.match(await client.closed, { code: 1003 })
})

t.test('bad UTF-8 ends the connection with 1007', async (t) => {
  const { ws } = await startGateway(t)
  const client = await connect(t, ws)
  client.socket.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false })
  t.match(await client.closed, { code: 1007 })
})

t.test('the eleventh malformed frame within a minute ends the connection with 4400', async (t) => {
  const { ws } = await startGateway(t)
  const client = await connect(t, ws)
  for (let n = 0; n < 10; n++) client.send('{')
  t.match(await client.ask({ type: 'ping' }), { type: 'pong' })
  client.send('{')
  t.match(await client.closed, { code: 4400 })
  t.equal(client.frames.filter(({ reason }) => reason === 'bad_json').length, 11)
})

t.test('over its rate a request is refused with its id and the time to wait; publishes have a rate of their own', async (t) => {
  const { ws } = await startGateway(t, { RATE_PUBLISHES: '1', RATE_REQUESTS: '10' })
  const client = await connect(t, ws)
  const moves = await Promise.all([1, 1, 1].map((delta) => client.ask({ type: 'move', delta })))
  t.strictSame(moves.map(({ type }) => type), ['ack', 'ack', 'error'])
  t.match(moves[2], { code: 429, reason: 'rate_limited', retryable: true })
  t.ok(moves[2]!['retryAfterMs'] as number > 0 && moves[2]!['retryAfterMs'] as number <= 1_000)
  t.match(await client.ask({ type: 'ping' }), { type: 'pong' })
  const pings = await Promise.all(Array.from({ length: 30 }, () => client.ask({ type: 'ping' })))
  t.ok(pings.some(({ reason }) => reason === 'rate_limited'))
})

t.test('who goes on regardless of the rate is closed with 4429', async (t) => {
  const { ws } = await startGateway(t, { RATE_REQUESTS: '1' })
  const client = await connect(t, ws)
  for (let n = 0; n < 250; n++) client.send({ type: 'ping' })
  t.match(await client.closed, { code: 4429 })
})

t.test('a client that is silent for two and a half intervals is closed with 4408; one that answers pings is not', async (t) => {
  const { ws } = await startGateway(t, { PING_INTERVAL_MS: '60' })
  const quiet = await connect(t, ws, { autoPong: false })
  const alive = await connect(t, ws)
  let pings = 0
  alive.socket.on('ping', () => { pings++ })
  t.match(await quiet.closed, { code: 4408 })
  t.ok(pings >= 2)
  t.match(await alive.ask({ type: 'ping' }), { type: 'pong' })
})
