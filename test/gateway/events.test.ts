import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import t from 'tap'
import { eventually } from '../../cluster/until.ts'
import { connect } from '../helpers/client.ts'
import { FAST, joined, refusal } from '../helpers/event-streams.ts'
import { follow } from '../helpers/events.ts'
import { startGateway } from '../helpers/gateway.ts'
import { figuresOf } from '../helpers/metrics.ts'

t.test('a stream gets the frames that a socket gets, the same bytes', async (t) => {
  const { http, ws } = await startGateway(t, FAST)
  const rooms = ['general', 'position', 'live:a', 'latest:b']
  const stream = await follow(t, http, `user=eve&${rooms.map((room) => `room=${room}`).join('&')}`)
  t.match(stream.response.headers, { 'content-type': 'text/event-stream', 'cache-control': /no-store/, 'x-accel-buffering': 'no' })
  t.match(await stream.next('welcome'), { protocol: 1, user: 'eve', replica: 'gw-test', broadcastCursor: String })
  await joined(stream, rooms)
  t.match(await stream.next('position'), { position: 0, seq: 0 })

  const ann = await connect(t, `${ws}?user=ann&${rooms.map((room) => `join=${room}`).join('&')}`)
  for (const room of rooms) await ann.take((frame) => frame.type === 'joined' && frame.room === room, room)
  await stream.until('ann has come', () => stream.presence.length === 1)
  t.match(stream.presence[0], { event: 'join', room: 'general', user: 'ann', count: 2 })
  for (const room of ['general', 'live:a', 'latest:b']) await ann.ask({ type: 'message', room, content: { n: 1.0 } })
  await ann.ask({ type: 'message', room: 'general', content: 'typing', ephemeral: true })
  await ann.ask({ type: 'broadcast', content: 'noon' })
  await ann.ask({ type: 'move', delta: 5 })
  await stream.until('all of it', () => stream.frames.length === 6)
  // A socket may hand in a cursor for a second first.
  await ann.next('broadcast')
  const frames = stream.frames.map(({ lastEventId, ...frame }) => JSON.stringify(frame)).sort()
  const isOfRoom = (text: string): boolean => /^\{"type":"(message|broadcast|position)"/.test(text) && !text.includes('"seq":0')
  t.strictSame(frames, ann.texts.filter(isOfRoom).map((text) => JSON.stringify(JSON.parse(text))).sort())

  t.match(await (await fetch(`${http}/rooms/general/members`)).json(), { count: 2, members: [{ user: 'ann' }, { user: 'eve' }] })
  stream.close()
  await ann.until('eve has gone', () => ann.presence.some(({ event, user }) => event === 'leave' && user === 'eve'))
})

t.test('content that was written on several lines is the same value', async (t) => {
  const { http, ws } = await startGateway(t, FAST)
  const stream = await follow(t, http, 'room=a')
  const ann = await connect(t, `${ws}?join=a`)
  await joined(stream, ['a'])
  ann.send('{"type":"message","room":"a","content":{\n"a":\r\n[1,\r"\\n"]\n\n}}')
  t.match(await stream.next('message'), { content: { a: [1, '\n'] } })
})

t.test('an id resumes sixteen rooms and the broadcasts: each message once, and in order', async (t) => {
  const { http, ws } = await startGateway(t, FAST)
  const rooms = Array.from({ length: 16 }, (_, n) => `room-${n}`)
  const query = rooms.map((room) => `room=${room}`).join('&')
  const ann = await connect(t, ws)
  for (const room of rooms) await ann.ask({ type: 'join', room })
  const say = async (content: string): Promise<void> => {
    for (const room of rooms) await ann.ask({ type: 'message', room, content, echo: false })
    await ann.ask({ type: 'broadcast', content })
  }
  await say('before')
  let stream = await follow(t, http, query)
  await joined(stream, rooms)
  const came: string[] = []
  for (const [index, header] of [undefined, true, false, true].entries()) {
    const content = `n${index}`
    await say(content)
    await stream.until('all rooms', () => stream.frames.filter((frame) => frame.content === content).length === 17, 5_000)
    came.push(...stream.frames.filter(({ type }) => type === 'message' || type === 'broadcast').map(({ room, content }) => `${room} ${content}`))
    const { lastEventId } = stream
    stream.close()
    await say(`${content} away`)
    stream = header === true
      ? await follow(t, http, `${query}&lastEventId=of-long-ago`, { 'last-event-id': lastEventId })
      : await follow(t, http, `${query}&lastEventId=${encodeURIComponent(lastEventId)}`)
    await stream.until('all that was missed', () => stream.frames.filter((frame) => frame.content === `${content} away`).length === 17)
    const again = stream.frames.filter(({ type }) => type === 'joined')
    t.equal(again.length, 17)
    t.ok(again.every(({ recovered, replay }) => recovered === true && replay === 1))
  }
  const wanted = [0, 1, 2, 3].flatMap((n) => [`n${n}`, `n${n} away`]).slice(0, -1)
  for (const room of [...rooms, 'undefined']) {
    const of = came.filter((each) => each.startsWith(`${room} `)).map((each) => each.slice(room.length + 1))
    t.strictSame(of, wanted, room)
  }
  t.strictSame(stream.frames.filter(({ type }) => type === 'gap'), [])
})

t.test('who breaks off in the middle of a replay gets the rest of it, and nothing twice', async (t) => {
  const { http, ws } = await startGateway(t, FAST)
  const ann = await connect(t, `${ws}?join=a&join=b`)
  for (let n = 1; n <= 5; n++) for (const room of ['a', 'b']) await ann.ask({ type: 'message', room, content: n })
  const stream = await follow(t, http, 'room=a&room=b&history=5')
  await stream.until('all', () => stream.frames.filter(({ type }) => type === 'message').length === 10)
  for (const { lastEventId, type } of stream.frames) {
    const at = stream.frames.findIndex((frame) => frame.lastEventId === lastEventId && frame.type === type)
    const had = (room: string): number =>
      stream.frames.slice(0, at + 1).filter((frame) => frame.type === 'message' && frame.room === room).length
    const again = await follow(t, http, `room=a&room=b&history=5&lastEventId=${encodeURIComponent(lastEventId)}`)
    await again.until('both, and what each says that it replays', () => {
      const joined = again.frames.filter(({ type, room }) => type === 'joined' && room !== '$all')
      const replay = joined.reduce((sum, frame) => sum + (frame['replay'] as number), 0)
      return joined.length >= 2 && again.frames.filter(({ type }) => type === 'message').length >= replay
    })
    await ann.ask({ type: 'message', room: 'c', content: 'a turn later' })
    for (const room of ['a', 'b']) {
      const replayed = again.frames.filter((frame) => frame.type === 'message' && frame.room === room).map(({ seq }) => seq)
      t.strictSame(replayed, [1, 2, 3, 4, 5].slice(had(room)), `${type} ${lastEventId}: ${room}`)
    }
    again.close()
  }
})

t.test('a place that its log knows nothing of is told as a gap, and the id goes on behind it', async (t) => {
  const { http, ws } = await startGateway(t, FAST)
  const ann = await connect(t, `${ws}?join=a`)
  await ann.ask({ type: 'message', room: 'a', content: 1 })
  const stream = await follow(t, http, 'room=a', { 'last-event-id': 'a/other.7.id,not-asked-for/other.1.id' })
  const gap = await stream.next('gap')
  t.match(gap, { room: 'a', reason: 'epoch', seq: 1 })
  t.match(gap.lastEventId, new RegExp(`(^|,)a/${gap.cursor}(,|$)`))
  t.notMatch(gap.lastEventId, /not-asked-for/)
})

t.test('HEAD tells what GET would answer, and begins nothing', async (t) => {
  const { http } = await startGateway(t, { ...FAST, MAX_CONNECTIONS: '1' })
  for (let n = 0; n < 3; n++) {
    const head = await fetch(`${http}/events?room=a`, { method: 'HEAD' })
    t.strictSame([head.status, head.headers.get('content-type')], [200, 'text/event-stream'])
  }
  t.equal((await fetch(`${http}/events`, { method: 'HEAD' })).status, 400)
  t.equal((await fetch(`${http}/events?room=a`, { method: 'POST' })).status, 404)
  await (await follow(t, http, 'room=a')).next('welcome')
})

t.test('a stream shares its connection with no other request: none waits before it, or behind it', async (t) => {
  const { http, port } = await startGateway(t, FAST)
  const ask = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`
  const both = connectTcp(port, '127.0.0.1')
  both.write(ask('/events?room=a') + ask('/events?room=b') + ask('/healthz', 'Connection: close\r\n'))
  let text = ''
  for await (const bytes of both) text += String(bytes)
  t.strictSame(text.match(/HTTP\/1\.1 [0-9]+/g), ['HTTP/1.1 400', 'HTTP/1.1 400', 'HTTP/1.1 200'])
  t.match(text, /a stream has no end[^]*not had its last answer/)
  const figures = await figuresOf(http)
  t.equal(figures.get('upgrades_refused_total{reason="bad_message"}'), 2)
  t.equal(figures.get('event_streams'), 0)

  const client = connectTcp(port, '127.0.0.1')
  client.on('error', () => {})
  client.write(ask('/events?room=a'))
  t.match(String((await once(client, 'data'))[0]), /^HTTP\/1\.1 200 /)
  client.write(ask('/metrics').repeat(1_000))
  await once(client, 'close')
  await eventually('the stream has ended', async () => (await figuresOf(http)).get('event_streams') === 0)
})

t.test('comments are sent as heartbeats, and a client that is there is not given up', async (t) => {
  const { http, ws } = await startGateway(t, { ...FAST, PING_INTERVAL_MS: '60' })
  const stream = await follow(t, http, 'room=a')
  await stream.until('many of them', () => stream.parser.comments > 10)
  const ann = await connect(t, `${ws}?join=a`)
  await ann.ask({ type: 'message', room: 'a', content: 'still there' })
  t.match(await stream.next('message'), { content: 'still there' })
})

t.test('a drain says goodbye, works on until the slot, and ends; meanwhile nobody is let in', async (t) => {
  const { gateway, http, ws } = await startGateway(t, FAST)
  const stream = await follow(t, http, 'room=a')
  const ann = await connect(t, `${ws}?join=a`)
  await joined(stream, ['a'])
  t.ok(stream.parser.retryMs! >= 500 && stream.parser.retryMs! <= 2_500, 'spread, for a crash')
  const stopping = gateway.stop(400)
  const goodbye = await stream.next('goodbye')
  const toldMs = performance.now()
  t.match(goodbye, { reason: 'draining', reconnect: true, afterMs: Number })
  t.equal(stream.parser.retryMs, 100, 'at once, for the ends are spread')
  await ann.ask({ type: 'message', room: 'a', content: 'as ever' })
  t.match(await stream.next('message'), { content: 'as ever' })
  t.match(await refusal(http, '?room=a'), [503, 'unavailable', 'draining'])
  t.equal(await stream.ended, true, 'an end, and no break')
  const heldMs = performance.now() - toldMs - (goodbye['afterMs'] as number)
  t.ok(heldMs > 1_900 && heldMs < 2_700, `ended ${Math.round(heldMs)} ms after its slot`)
  ann.socket.terminate()
  await stopping
})

t.test('a client that hangs up is counted as one without a close code, one that breaks off as 1006', async (t) => {
  const { http } = await startGateway(t, FAST)
  const polite = await follow(t, http, 'room=a')
  await polite.next('welcome')
  t.equal((await figuresOf(http)).get('event_streams'), 1)
  polite.response.socket.end()
  const rude = await follow(t, http, 'room=a')
  await rude.next('welcome')
  rude.response.socket.resetAndDestroy()
  await eventually('both have gone', async () => (await figuresOf(http)).get('event_streams') === 0)
  const figures = await figuresOf(http)
  t.equal(figures.get('connections'), 0)
  t.equal(figures.get('connections_opened_total'), 2)
  t.equal(figures.get('connections_closed_total{code="1005"}'), 1)
  t.equal(figures.get('connections_closed_total{code="1006"}'), 1)
})

t.test('an old client of HTTP/1.0 gets the events, until the connection ends', async (t) => {
  const { port, ws } = await startGateway(t, FAST)
  const client = connectTcp(port, '127.0.0.1')
  t.teardown(() => client.destroy())
  let text = ''
  client.on('data', (bytes) => { text += String(bytes) })
  client.write('GET /events?room=a HTTP/1.0\r\n\r\n')
  await eventually('it has joined', async () => text.includes('"joined"'))
  const ann = await connect(t, `${ws}?join=a`)
  await ann.ask({ type: 'message', room: 'a', content: 'hello' })
  await eventually('it hears', async () => /\n\nid: [^\n]+\ndata: \{"type":"message".*\}\n\n/.test(text))
})
