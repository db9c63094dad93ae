import t from 'tap'
import { eventually } from '../../cluster/until.ts'
import { Client, connect, refused } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { counted, figuresOf } from '../helpers/metrics.ts'
import { SECRET, tokenOf } from '../helpers/tokens.ts'

const FAST = { RATE_PUBLISHES: '0', RATE_REQUESTS: '0' }
// More than the kernel's own buffers take, so that the send queue fills.
const CONTENT = 'x'.repeat(60_000)
const COUNT = 250

t.test('connections, members, messages, deliveries and acks are counted', async (t) => {
  const { http, ws } = await startGateway(t)
  const start = await figuresOf(http)
  t.equal(start.get('ready'), 1)
  t.equal(start.get('rooms'), 1, 'that of broadcasts')
  const ann = await connect(t, `${ws}?join=red`)
  const bob = await connect(t, `${ws}?join=red`)
  await Promise.all([ann, bob].map((client) => client.next('joined')))
  await ann.until('bob has come', () => ann.presence.length === 1)
  const joined = await figuresOf(http)
  // Each client got its welcome, and that it has joined; and one that the other has.
  t.strictSame(counted(start, joined), {
    connections: 2, connections_opened_total: 2, rooms: 1, members: 4, presence_users: 2, frames: 5
  })

  await ann.ask({ type: 'message', room: 'red', content: 'one' })
  await ann.ask({ type: 'message', room: 'red', content: 'two', echo: false })
  await ann.ask({ type: 'message', room: 'red', content: 'three', ephemeral: true })
  await bob.until('all', () => bob.frames.filter(({ type }) => type === 'message').length === 3)
  await ann.ask({ type: 'broadcast', content: 'four' })
  await bob.next('broadcast')
  const after = await figuresOf(http)
  t.strictSame(counted(joined, after), {
    messages_total: 4,
    deliveries_total: 2 + 1 + 2 + 2,
    frames: 7 + 4,
    'publish_duration_seconds_count{outcome="ack"}': 4,
    // One of eight is measured, the first of them.
    delivery_duration_seconds_count: 1
  })
  const bytes = [ann, bob].flatMap(({ texts }) => texts).reduce((sum, text) => sum + frameBytes(text), 0)
  t.equal(after.get('written_bytes_total'), bytes)
  t.equal(after.get('publish_duration_seconds_bucket{outcome="ack",le="+Inf"}'), 4)
  t.ok(after.get('ring_bytes')! > 0)
})

/** RFC 6455 section 5.2. */
function frameBytes (text: string): number {
  const bytes = Buffer.byteLength(text)
  return bytes + (bytes < 126 ? 2 : 4)
}

t.test('refusals are counted by reason, publishes by outcome, and closes by code', async (t) => {
  const { http, ws } = await startGateway(t, { ALLOWED_ORIGINS: 'https://here.example', MAX_CONNECTIONS_PER_ADDRESS: '3' })
  const ann = await connect(t, ws)
  const before = await figuresOf(http)
  await ann.ask({ type: 'message', room: 'red', content: 'not a member' })
  await ann.ask({ type: 'nonsense' })
  await ann.ask({ type: 'join', room: 'no room' })
  t.strictSame(counted(before, await figuresOf(http)), {
    'refusals_total{reason="not_joined"}': 1,
    'refusals_total{reason="unknown_type"}': 1,
    'refusals_total{reason="bad_room"}': 1,
    'publish_duration_seconds_count{outcome="refused"}': 1,
    frames: 3
  })

  const bob = await connect(t, ws)
  const eve = await connect(t, ws)
  t.equal((await refused(ws)).status, 429)
  t.equal((await refused(ws, { headers: { origin: 'https://there.example' } })).status, 403)
  ann.socket.close(1000)
  bob.socket.close(4321)
  eve.socket.send(Buffer.from('binary'))
  await Promise.all([ann, bob, eve].map(({ closed }) => closed))
  await eventually('all have gone', async () => (await figuresOf(http)).get('connections') === 0)
  const after = await figuresOf(http)
  const isOfThem = ([name, figure]: [string, number]): boolean => figure > 0 && /^(upgrades|connections_)/.test(name)
  t.strictSame(Object.fromEntries([...after].filter(isOfThem)), {
    connections_opened_total: 3,
    'connections_closed_total{code="1000"}': 1,
    'connections_closed_total{code="1003"}': 1,
    'connections_closed_total{code="other"}': 1,
    'upgrades_refused_total{reason="rate_limited"}': 1,
    'upgrades_refused_total{reason="forbidden"}': 1
  })
})

t.test('a close of ours is counted by our code, though the client answers nothing', async (t) => {
  const { http, ws } = await startGateway(t, { PING_INTERVAL_MS: '200', MAX_MESSAGE_BYTES: '1000' })
  const silent = new Client(ws, { autoPong: false })
  t.match(await silent.closed, { code: 4408 })
  const mute = await connect(t, ws)
  mute.socket.pause()
  const large = await connect(t, ws)
  large.socket.send('x'.repeat(1_001))
  t.match(await large.closed, { code: 1009 })
  const raw = await connect(t, ws)
  rawSocketOf(raw).write(Buffer.from([0xff, 0x80, 0, 0, 0, 0]))
  t.match(await raw.closed, { code: 1002 })
  await eventually('all have gone', async () => (await figuresOf(http)).get('connections') === 0, 10_000)
  const closes = [...await figuresOf(http)].filter(([name, figure]) => figure > 0 && name.startsWith('connections_closed'))
  t.strictSame(Object.fromEntries(closes), {
    'connections_closed_total{code="1002"}': 1,
    'connections_closed_total{code="1009"}': 1,
    'connections_closed_total{code="4408"}': 2
  })
})

t.test("a client's own 1011 is no defect of ours", async (t) => {
  const { http, ws } = await startGateway(t)
  const client = await connect(t, ws)
  client.socket.close(1011)
  await client.closed
  await eventually('it has gone', async () => (await figuresOf(http)).get('connections') === 0)
  const figures = await figuresOf(http)
  t.equal(figures.get('connections_closed_total{code="1011"}'), 0)
  t.equal(figures.get('connections_closed_total{code="other"}'), 1)
})

function rawSocketOf ({ socket }: Client): NodeJS.WritableStream {
  return (socket as unknown as { _socket: NodeJS.WritableStream })._socket
}

t.test('a token that is refused is counted where it is told', async (t) => {
  const { http, ws } = await startGateway(t, { AUTH_SECRET: SECRET })
  t.equal((await refused(ws)).status, 401)
  t.match(await new Client(`${ws}?token=bad`).closed, { code: 4401 })
  const figures = await figuresOf(http)
  t.equal(figures.get('upgrades_refused_total{reason="unauthenticated"}'), 1)
  t.equal(figures.get('connections_closed_total{code="4401"}'), 1)
  t.equal(figures.get('connections'), 0)
})

t.test('what a join replays is delivered, and gaps are counted by reason', async (t) => {
  const { http, ws } = await startGateway(t)
  const ann = await connect(t, `${ws}?join=red`)
  await ann.next('joined')
  for (const content of ['one', 'two', 'three']) await ann.ask({ type: 'message', room: 'red', content })
  const bob = await connect(t, ws)
  const before = await figuresOf(http)
  await bob.ask({ type: 'join', room: 'red', history: 2 })
  await bob.until('both', () => bob.frames.filter(({ type }) => type === 'message').length === 2)
  await bob.ask({ type: 'join', room: 'red', since: 'abc.1.def' })
  t.match(await bob.next('gap'), { reason: 'epoch' })
  await ann.until('bob has come', () => ann.presence.length === 1)
  t.strictSame(counted(before, await figuresOf(http)), {
    deliveries_total: 2, members: 1, presence_users: 1, frames: 1 + 2 + 1 + 1 + 1, 'gaps_total{reason="epoch"}': 1
  })
})

t.test('a slow reader shows in the queues and among those who are behind; each message is delivered once', async (t) => {
  const { http, ws } = await startGateway(t, FAST)
  const slow = await connect(t, `${ws}?join=busy`)
  const fast = await connect(t, `${ws}?join=busy`)
  await Promise.all([slow, fast].map((client) => client.next('joined')))
  const before = await figuresOf(http)
  slow.socket.pause()
  for (let n = 1; n <= COUNT; n++) await fast.ask({ type: 'message', room: 'busy', content: CONTENT })
  const during = await figuresOf(http)
  t.equal(during.get('members_behind'), 1)
  t.ok(during.get('send_queue_high_water_bytes')! > 262_144, 'more than SEND_QUEUE_BYTES')
  t.ok(during.get('deliveries_total')! < 2 * COUNT)
  slow.socket.resume()
  await slow.until('all of them', () => slow.frames.at(-1)?.seq === COUNT, 20_000)
  const { members_fell_behind_total: fell, ...rest } = counted(before, await figuresOf(http))
  t.ok(fell! >= 1)
  t.strictSame(rest, {
    messages_total: COUNT,
    deliveries_total: 2 * COUNT,
    frames: 3 * COUNT,
    'publish_duration_seconds_count{outcome="ack"}': COUNT,
    delivery_duration_seconds_count: Math.ceil(COUNT / 8)
  })
  t.equal((await figuresOf(http)).get('members_behind'), 0)
})

t.test('a slow reader of a live room gets one gap, which is counted', async (t) => {
  const { http, ws } = await startGateway(t, FAST)
  const slow = await connect(t, `${ws}?join=live:big`)
  const fast = await connect(t, `${ws}?join=live:big`)
  await Promise.all([slow, fast].map((client) => client.next('joined')))
  slow.socket.pause()
  for (let n = 1; n <= COUNT; n++) await fast.ask({ type: 'message', room: 'live:big', content: CONTENT })
  slow.socket.resume()
  const gap = await slow.next('gap')
  const figures = await figuresOf(http)
  t.equal(figures.get('gaps_total{reason="slow"}'), 1)
  t.equal(figures.get('deliveries_total'), 2 * COUNT - Number(gap['missed']))
})

t.test('two gateways in one process have figures of their own, and share those of the process', async (t) => {
  const [red, blue] = [await startGateway(t), await startGateway(t)]
  const ann = await connect(t, `${red.ws}?join=red`)
  await ann.next('joined')
  await ann.ask({ type: 'message', room: 'red', content: 'one' })
  const [reds, blues] = [await figuresOf(red.http), await figuresOf(blue.http)]
  for (const name of ['connections', 'connections_opened_total', 'messages_total', 'deliveries_total']) {
    t.equal(reds.get(name), 1, name)
    t.equal(blues.get(name), 0, name)
  }
  for (const figures of [reds, blues]) {
    t.ok(figures.get('process_resident_memory_bytes')! > 0)
    t.ok(figures.has('nodejs_eventloop_lag_p99_seconds'))
  }
  t.notOk([...reds.keys()].some((name) => name.startsWith('redis_')), 'without Redis nothing is said of it')
})

t.test('no label names a room, a user or an address', async (t) => {
  const { http, ws } = await startGateway(t, { AUTH_SECRET: SECRET })
  const token = await tokenOf('user-of-mine', { rooms: { '*': ['join', 'publish'] } })
  const ann = await connect(t, `${ws}?join=room-of-mine`, { headers: { authorization: `Bearer ${token}` } })
  await ann.next('joined')
  await ann.ask({ type: 'message', room: 'room-of-mine', content: 'one' })
  const response = await fetch(`${http}/metrics`)
  t.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  const text = await response.text()
  t.notMatch(text, /of-mine|127\.0\.0\.1|\$all/)
  const ours = text.split('\n').filter((line) => line.startsWith('tidegate_'))
  const labels = new Set(ours.flatMap((line) => [...line.matchAll(/[{,](\w+)="/g)].map(([, label]) => label)))
  t.strictSame([...labels].sort(), ['cause', 'code', 'le', 'outcome', 'reason'])
})
