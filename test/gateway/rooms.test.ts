import t from 'tap'
import { connect, type Frame } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'

t.test('two people in a room read each other, in one order, as the same bytes', async (t) => {
  const { ws } = await startGateway(t)
  const [ann, bob] = await Promise.all([connect(t, `${ws}?user=ann&join=general`), connect(t, `${ws}?user=bob&join=general`)])
  await Promise.all([ann.next('joined'), bob.next('joined')])
  const ack = await ann.ask({ type: 'message', room: 'general', content: 'Hello' })
  t.match(ack, { type: 'ack', room: 'general', seq: 1, cursor: /\.1\./ })
  await bob.ask({ type: 'message', room: 'general', content: { to: 'ann' } })
  const seen = await bob.next('message')
  t.strictSame(Object.keys(seen), ['type', 'room', 'seq', 'cursor', 'from', 'content', 'timestamp'])
  t.match(seen, { room: 'general', seq: 1, from: 'ann', content: 'Hello', timestamp: /^\d{4}-\d\d-\d\dT.*\.\d{3}Z$/ })
  t.equal(seen.cursor, ack.cursor)
  await ann.until('both messages', () => ann.texts.filter((text) => text.includes('"message"')).length === 2)
  const messages = (texts: string[]): string[] => texts.filter((text) => text.startsWith('{"type":"message"'))
  t.strictSame(messages(ann.texts), messages(bob.texts))
})

t.test('only members of a room read it, and only until they leave', async (t) => {
  const { ws } = await startGateway(t)
  const [ann, bob, eve] = await Promise.all([connect(t, ws), connect(t, ws), connect(t, ws)])
  await ann.ask({ type: 'join', room: 'red' })
  await bob.ask({ type: 'join', room: 'red' })
  await eve.ask({ type: 'join', room: 'blue' })
  await ann.ask({ type: 'message', room: 'red', content: 1 })
  t.match(await bob.ask({ type: 'leave', room: 'red' }), { type: 'left', room: 'red' })
  await ann.ask({ type: 'message', room: 'red', content: 2 })
  t.strictSame((await bob.settle()).map(({ content }) => content), [1])
  t.strictSame(await eve.settle(), [])
  t.match(await eve.ask({ type: 'leave', room: 'red' }), { type: 'left', room: 'red' })
})

t.test('requests of one connection to one room are answered in order, without waiting between them', async (t) => {
  const { ws } = await startGateway(t)
  const ann = await connect(t, ws)
  ann.send({ type: 'join', room: 'red', id: 'a' })
  for (let n = 0; n < 20; n++) ann.send({ type: 'message', room: 'red', content: n, id: n, echo: false })
  ann.send({ type: 'leave', room: 'red', id: 'b' })
  ann.send({ type: 'message', room: 'red', content: 'late', id: 'c' })
  ann.send({ type: 'join', room: 'red', id: 'd', history: 100 })
  const last = await ann.take(({ id }) => id === 'd', 'the last reply')
  t.match(last, { type: 'joined', seq: 20, replay: 20 })
  t.strictSame(ann.frames.slice(0, 23).map(({ id }) => id), ['a', ...Array(20).keys(), 'b', 'c'])
  t.match(ann.frames[22], { type: 'error', code: 403, reason: 'not_joined', room: 'red', retryable: false })
})

t.test('what is published while somebody joins is neither lost nor seen twice', async (t) => {
  const { ws } = await startGateway(t, { RATE_PUBLISHES: '0', RATE_REQUESTS: '0' })
  const ann = await connect(t, `${ws}?join=busy`)
  await ann.next('joined')
  const total = 600
  const publishing = (async () => {
    for (let n = 1; n <= total; n++) await ann.ask({ type: 'message', room: 'busy', content: n, echo: false })
  })()
  const readers = await Promise.all(Array.from({ length: 20 }, async (_, index) => {
    await ann.until('some progress', () => ann.texts.length > index * 20)
    return await connect(t, `${ws}?join=busy&history=${index * 3}`)
  }))
  await publishing
  for (const reader of readers) {
    const isLast = (): boolean => reader.frames.at(-1)?.seq === total
    await reader.until('the last message', isLast)
    const [joined, ...messages] = reader.frames
    t.equal(joined?.type, 'joined')
    const first = joined!.seq! - (joined!['replay'] as number) + 1
    t.strictSame(messages.map(({ seq }) => seq), Array.from({ length: total - first + 1 }, (_, n) => first + n))
  }
})

t.test('joining twice answers again, and loses and repeats nothing', async (t) => {
  const { ws } = await startGateway(t)
  const ann = await connect(t, `${ws}?join=red`)
  await ann.next('joined')
  await ann.ask({ type: 'message', room: 'red', content: 1 })
  await ann.next('message')
  t.match(await ann.ask({ type: 'join', room: 'red' }), { type: 'joined', seq: 1, replay: 0 })
  await ann.ask({ type: 'message', room: 'red', content: 2 })
  t.strictSame((await ann.settle()).map(({ content }) => content), [2])
  t.match(await ann.ask({ type: 'join', room: 'red', history: 5 }), { type: 'joined', seq: 2, replay: 2 })
  t.strictSame((await ann.settle()).map(({ content }) => content), [1, 2])
})

t.test('a live room has neither numbers nor history, and is the same for all else', async (t) => {
  const { ws } = await startGateway(t)
  const [ann, bob] = await Promise.all([connect(t, ws), connect(t, ws)])
  t.strictSame(await ann.ask({ type: 'join', room: 'live:x', since: 'a.1.b' }), { type: 'joined', id: 1, room: 'live:x' })
  await bob.ask({ type: 'join', room: 'live:x' })
  t.strictSame(await ann.ask({ type: 'message', room: 'live:x', content: 1 }), { type: 'ack', id: 2, room: 'live:x' })
  const seen = await bob.next('message')
  t.strictSame(Object.keys(seen), ['type', 'room', 'from', 'content', 'timestamp'])
  t.strictSame(await bob.ask({ type: 'history', room: 'live:x' }), {
    type: 'history', id: 2, room: 'live:x', messages: [], more: false
  })
  t.strictSame(await ann.ask({ type: 'join', room: 'live:x' }), { type: 'joined', id: 3, room: 'live:x' })
})

t.test('a latest room gives a joiner the newest value at once', async (t) => {
  const { ws } = await startGateway(t)
  const ann = await connect(t, ws)
  t.match(await ann.ask({ type: 'join', room: 'latest:temp', history: 10 }), { seq: 0, replay: 0 })
  for (const content of [20, 21, 22]) await ann.ask({ type: 'message', room: 'latest:temp', content })
  const bob = await connect(t, `${ws}?join=latest:temp`)
  t.match(await bob.next('joined'), { seq: 3, replay: 1 })
  t.match(await bob.settle(), [{ type: 'message', seq: 3, content: 22 }])
  const page = await bob.ask({ type: 'history', room: 'latest:temp' })
  t.match(page, { messages: [{ seq: 3 }], more: false })
  t.equal((page['messages'] as unknown[]).length, 1)
})

t.test('history pages back through a room, oldest first, without being joined', async (t) => {
  const { ws } = await startGateway(t, { RATE_PUBLISHES: '0', RATE_REQUESTS: '0' })
  const ann = await connect(t, `${ws}?join=red`)
  for (let n = 1; n <= 60; n++) await ann.ask({ type: 'message', room: 'red', content: n })
  const bob = await connect(t, ws)
  const contents = (frame: Frame): unknown[] => (frame['messages'] as Frame[]).map(({ content }) => content)
  const newest = await bob.ask({ type: 'history', room: 'red' })
  t.strictSame(contents(newest), Array.from({ length: 50 }, (_, n) => n + 11))
  t.equal(newest['more'], true)
  const older = await bob.ask({ type: 'history', room: 'red', before: 11, limit: 200 })
  t.strictSame(contents(older), Array.from({ length: 10 }, (_, n) => n + 1))
  t.equal(older['more'], false)
  t.strictSame(
    (older['messages'] as object[])[0],
    ann.texts.map((text) => JSON.parse(text)).find(({ type }) => type === 'message')
  )
})

t.test('history ends early at 256 KiB, with more', async (t) => {
  const { ws } = await startGateway(t)
  const ann = await connect(t, `${ws}?join=red`)
  const content = 'x'.repeat(60_000)
  for (let n = 0; n < 6; n++) await ann.ask({ type: 'message', room: 'red', content })
  const page = await ann.ask({ type: 'history', room: 'red' })
  t.equal((page['messages'] as unknown[]).length, 4)
  t.equal(page['more'], true)
})

t.test('a broadcast reaches every connection, in rooms or not', async (t) => {
  const { ws } = await startGateway(t)
  const [ann, bob, eve] = await Promise.all([connect(t, `${ws}?user=ops`), connect(t, ws), connect(t, `${ws}?join=red`)])
  t.match(await ann.ask({ type: 'broadcast', content: 'Maintenance at noon' }), { type: 'ack', seq: 1 })
  for (const client of [ann, bob, eve]) {
    const seen = await client.next('broadcast')
    t.strictSame(Object.keys(seen), ['type', 'seq', 'cursor', 'from', 'content', 'timestamp'])
    t.match(seen, { seq: 1, from: 'ops', content: 'Maintenance at noon' })
  }
  t.match((await connect(t, ws)).welcome['broadcastCursor'], /\.1\./)
  t.match(await bob.ask({ type: 'join', room: '$all', history: 5 }), { room: '$all', seq: 1, replay: 1 })
  t.match(await bob.settle(), [{ type: 'broadcast', seq: 1 }])
  t.match(await bob.ask({ type: 'leave', room: '$all' }), { code: 403, reason: 'forbidden' })
  t.match(await bob.ask({ type: 'message', room: '$all', content: 1 }), { code: 403, reason: 'forbidden' })
})

t.test('content arrives as it was written, byte for byte', async (t) => {
  const { ws } = await startGateway(t)
  const [ann, bob] = await Promise.all([connect(t, `${ws}?join=red`), connect(t, `${ws}?join=red`)])
  await bob.next('joined')
  const contents = [
    '1.0', '12345678901234567890', '-0', '1e2', 'null', '"\\u0041\\ud83d"', '{ "b" : 1,\n\t"a" : [ 1 , 2 ] }', '"ü€😀"',
    '{"content":"inner","type":"join"}', `${'['.repeat(5_000)}${']'.repeat(5_000)}`
  ]
  for (const content of contents) {
    ann.send(`{"type":"message","content":"first","room":"red" , "content" : ${content} }`)
    await bob.until('a message', () => bob.texts.at(-1)!.startsWith('{"type":"message"'))
    const text = bob.texts.pop()!
    t.ok(text.includes(`"content":${content},"timestamp":"`), content.slice(0, 40))
  }
})

t.test('an ephemeral message is fanned out and never stored', async (t) => {
  const { ws } = await startGateway(t)
  const [ann, bob] = await Promise.all([connect(t, `${ws}?join=red`), connect(t, `${ws}?join=red`)])
  await bob.next('joined')
  t.strictSame(await ann.ask({ type: 'message', room: 'red', content: 'typing', ephemeral: true, echo: false }), {
    type: 'ack', id: 1, room: 'red'
  })
  t.strictSame(Object.keys(await bob.next('message')), ['type', 'room', 'from', 'content', 'timestamp'])
  t.match(await bob.ask({ type: 'history', room: 'red' }), { messages: [] })
  t.notOk((await ann.settle()).some(({ type }) => type === 'message'))
})

t.test('with echo false the ack stands in the place of the frame', async (t) => {
  const { ws } = await startGateway(t)
  const [ann, bob] = await Promise.all([connect(t, ws), connect(t, ws)])
  await ann.ask({ type: 'join', room: 'red' })
  await bob.ask({ type: 'join', room: 'red' })
  for (let n = 0; n < 10; n++) {
    ann.send({ type: 'message', room: 'red', content: `a${n}`, id: `a${n}`, echo: false })
    bob.send({ type: 'message', room: 'red', content: `b${n}`, id: `b${n}`, echo: false })
  }
  for (const client of [ann, bob]) await client.until('all twenty', () => client.frames.length === 20)
  t.strictSame(ann.frames.map(({ seq }) => seq), Array.from({ length: 20 }, (_, n) => n + 1))
  t.strictSame(ann.frames.filter(({ type }) => type === 'ack').length, 10)
  t.strictSame(bob.frames.map(({ seq }) => seq), Array.from({ length: 20 }, (_, n) => n + 1))
})

t.test('in a live room, too, the ack of an echo-less message stands in its place', async (t) => {
  const { ws } = await startGateway(t, { RATE_PUBLISHES: '0', RATE_REQUESTS: '0' })
  const [ann, bob] = await Promise.all([connect(t, ws), connect(t, ws)])
  for (const client of [ann, bob]) await client.ask({ type: 'join', room: 'live:x' })
  for (let n = 0; n < 50; n++) {
    ann.send({ type: 'message', room: 'live:x', content: `a${n}`, id: `a${n}`, echo: false })
    bob.send({ type: 'message', room: 'live:x', content: `b${n}`, id: `b${n}` })
  }
  await ann.until('all', () => ann.frames.length === 100)
  await bob.until('all', () => bob.frames.length === 150)
  const order = bob.frames.filter(({ type }) => type === 'message').map(({ content }) => content)
  t.strictSame(ann.frames.map(({ type, id, content }) => type === 'ack' ? id : content), order)
  t.match(await ann.ask({ type: 'message', room: 'live:x', content: 1, echo: false, key: 'k' }), { type: 'ack' })
  t.match(await ann.ask({ type: 'message', room: 'live:x', content: 1, echo: false, key: 'k' }), { duplicate: true })
  t.match(await ann.ask({ type: 'message', room: 'live:x', content: 2, echo: false, key: 'k' }), { reason: 'key_reused' })
})

t.test('a key publishes once: the second ack repeats the first', async (t) => {
  const { ws } = await startGateway(t)
  const ann = await connect(t, `${ws}?user=ann&join=red`)
  await ann.next('joined')
  const first = await ann.ask({ type: 'message', room: 'red', content: 'once', key: 'k' })
  const phone = await connect(t, `${ws}?user=ann&join=red`)
  const again = await phone.ask({ type: 'message', room: 'red', content: 'once', key: 'k' })
  t.equal(again.seq, first.seq)
  t.equal(again.cursor, first.cursor)
  t.equal(again['duplicate'], true)
  t.equal(first['duplicate'], undefined)
  t.match(await phone.ask({ type: 'message', room: 'red', content: 'twice', key: 'k' }), { code: 409, reason: 'key_reused' })
  const bob = await connect(t, `${ws}?user=bob&join=red`)
  t.match(await bob.ask({ type: 'message', room: 'red', content: 'once', key: 'k' }), { type: 'ack', seq: 2 })
  const [guest, sameGuest] = await Promise.all([connect(t, `${ws}?join=red`), connect(t, `${ws}?join=red`)])
  t.match(await guest.ask({ type: 'message', room: 'red', content: 'guest', key: 'k' }), { seq: 3 })
  t.match(await sameGuest.ask({ type: 'message', room: 'red', content: 'guest', key: 'k' }), { seq: 3, duplicate: true })
})

t.test('room rules say who may publish', async (t) => {
  const file = `${t.testdir({ 'rooms.yaml': 'rooms:\n  "open:*": { publish: anyone }\n  news: { publish: server }\n' })}/rooms.yaml`
  const { ws } = await startGateway(t, { ROOMS_FILE: file })
  const ann = await connect(t, ws)
  t.match(await ann.ask({ type: 'message', room: 'open:1', content: 1 }), { type: 'ack', seq: 1 })
  t.match(await ann.ask({ type: 'message', room: 'open:1', content: 1, echo: false }), { type: 'ack', seq: 2 })
  await ann.ask({ type: 'join', room: 'news' })
  t.match(await ann.ask({ type: 'message', room: 'news', content: 1 }), { code: 403, reason: 'forbidden' })
})

t.test('a connection may be in so many rooms', async (t) => {
  const { ws } = await startGateway(t, { MAX_ROOMS_PER_CONNECTION: '3' })
  const ann = await connect(t, ws)
  const replies = await Promise.all(['a', 'b', 'c', 'd'].map((room) => ann.ask({ type: 'join', room })))
  t.strictSame(replies.map(({ type }) => type), ['joined', 'joined', 'joined', 'error'])
  t.match(replies[3], { code: 413, reason: 'too_many_rooms', room: 'd' })
  t.match(await ann.ask({ type: 'join', room: 'a' }), { type: 'joined' })
  await ann.ask({ type: 'leave', room: 'a' })
  t.match(await ann.ask({ type: 'join', room: 'd' }), { type: 'joined' })
})
