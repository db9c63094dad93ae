import t from 'tap'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { figuresOf } from '../helpers/metrics.ts'
import { MESSAGES, get, post, startWithoutRates } from '../helpers/room-messages.ts'
import { bearer, SECRET, tokenOf } from '../helpers/tokens.ts'

t.test('what is published over HTTP is what a socket gets, byte for byte', async (t) => {
  const gateway = await startGateway(t)
  const reader = await connect(t, `${gateway.ws}?join=general`)
  const content = '{ "a" : 1.0, "n":12345678901234567890,"\\u0061":[1e400],"__proto__":{"x":1}, "s":"\\ud83c\\udf0a 🌊"}'
  const { status, body } = await post(gateway, MESSAGES, ` {"content":"not this","content" : ${content} ,"from":"ops"}\n`)
  t.equal(status, 200)
  t.strictSame(Object.keys(body), ['seq', 'cursor'])
  const frame = await reader.next('message')
  t.match(frame, { seq: 1, from: 'ops', room: 'general' })
  t.match(body, { seq: 1, cursor: frame['cursor'] as string })
  const { text } = await get(gateway, MESSAGES)
  t.ok(text.includes(`"content":${content},`), 'as it was written')
  t.ok(text.startsWith('{"room":"general","messages":[{"type":"message","room":"general","seq":1,"cursor":"'))
})

t.test('a message is from whom the body says, and else from the server', async (t) => {
  const gateway = await startGateway(t)
  const reader = await connect(t, `${gateway.ws}?join=general`)
  for (const [from, seen] of [[undefined, 'server'], [null, 'server'], ['ann', 'ann'], ['a"\\b', 'a"\\b']] as const) {
    await post(gateway, MESSAGES, { content: 1, from })
    t.match(await reader.next('message'), { from: seen })
  }
})

t.test('with a token it is from its user, whatever the body says', async (t) => {
  const gateway = await startGateway(t, { AUTH_SECRET: SECRET })
  const { headers } = bearer(await tokenOf('ops', { rooms: { general: ['publish'] }, can: ['broadcast'] }))
  const reader = await connect(t, `${gateway.ws}?join=general`, bearer(await tokenOf('eve')))
  t.equal((await post(gateway, MESSAGES, { content: 1, from: 'ann' }, headers)).status, 200)
  t.match(await reader.next('message'), { from: 'ops' })
  t.match((await post(gateway, '/broadcast', { content: 'noon' }, headers)).body, { seq: 1, cursor: /./ })
  t.match(await reader.next('broadcast'), { from: 'ops', content: 'noon', seq: 1 })
})

t.test('a retry with the same key publishes once, in the body as in the header, and as on the socket', async (t) => {
  const gateway = await startGateway(t, { AUTH_SECRET: SECRET })
  const ann = await tokenOf('ann')
  const { headers } = bearer(ann)
  const first = await post(gateway, MESSAGES, { content: 'once' }, { ...headers, 'idempotency-key': 'k1' })
  t.notOk('duplicate' in first.body)
  for (const again of [
    await post(gateway, MESSAGES, { content: 'once' }, { ...headers, 'idempotency-key': 'k1' }),
    await post(gateway, MESSAGES, { content: 'once', key: 'k1' }, headers),
    await post(gateway, MESSAGES, { content: 'once', key: 'k1' }, { ...headers, 'idempotency-key': 'k1' })
  ]) t.strictSame(again.body, { ...first.body, duplicate: true })
  const socket = await connect(t, `${gateway.ws}?join=general`, bearer(ann))
  const ack = await socket.ask({ type: 'message', room: 'general', content: 'once', key: 'k1' })
  t.match(ack, { type: 'ack', duplicate: true, cursor: first.body.cursor! })
  const other = await post(gateway, MESSAGES, { content: 'other', key: 'k1' }, headers)
  t.match(other, { status: 409, body: { reason: 'key_reused' } })
  const two = await post(gateway, MESSAGES, { content: 'once', key: 'k1' }, { ...headers, 'idempotency-key': 'k2' })
  t.match(two, { status: 400, body: { reason: 'bad_message', message: /^key: / } })
  // Another user's key is another key.
  t.match((await post(gateway, MESSAGES, { content: 'once', key: 'k1' }, bearer(await tokenOf('bob')).headers)).body, { seq: 2 })
  t.equal((await get(gateway, MESSAGES, headers)).body.messages.length, 2)
})

t.test('what is not stored has neither seq nor cursor', async (t) => {
  const gateway = await startGateway(t)
  const reader = await connect(t, `${gateway.ws}?join=live:a&join=general`)
  t.strictSame((await post(gateway, '/rooms/live:a/messages', { content: 1, key: 'k' })).body, {})
  t.strictSame((await post(gateway, '/rooms/live:a/messages', { content: 1, key: 'k' })).body, { duplicate: true })
  t.strictSame((await post(gateway, MESSAGES, { content: 2, ephemeral: true })).body, {})
  t.match(await reader.next('message'), { room: 'live:a', content: 1, seq: undefined })
  t.match(await reader.next('message'), { room: 'general', content: 2, seq: undefined })
  for (const path of [MESSAGES, '/rooms/live:a/messages']) t.match((await get(gateway, path)).body, { messages: [], more: false })
  t.match((await get(gateway, '/rooms/live:a/messages?since=e.1.x')).body, { messages: [], more: false, gap: undefined })
})

t.test('a room for the server alone is published to over HTTP, by whose token names it', async (t) => {
  const dir = t.testdir({ 'rooms.json': '{"rooms":{"news":{"publish":"server"}}}' })
  const gateway = await startGateway(t, { AUTH_SECRET: SECRET, ROOMS_FILE: `${dir}/rooms.json` })
  const tries = [
    [{ rooms: { news: ['publish'] } }, 200], [{ rooms: { '*': ['publish'] } }, 200], [{ rooms: { news: ['join'] } }, 403],
    [{}, 403]
  ] as const
  for (const [allowed, status] of tries) {
    const { headers } = bearer(await tokenOf('ops', allowed))
    t.equal((await post(gateway, '/rooms/news/messages', { content: 1 }, headers)).status, status, JSON.stringify(allowed))
  }
  const open = await startGateway(t, { ROOMS_FILE: `${dir}/rooms.json` })
  t.equal((await post(open, '/rooms/news/messages', { content: 1 })).status, 200, 'in an open gateway anyone is the server')
})

t.test('rooms of the gateway\'s own are not published to', async (t) => {
  const gateway = await startGateway(t)
  for (const [room, status, reason] of [
    ['$all', 403, 'forbidden'], ['position', 403, 'forbidden'], ['$control', 400, 'bad_room'], ['a%20b', 400, 'bad_room'],
    ['x'.repeat(129), 400, 'bad_room'], ['%7Ba%7D', 400, 'bad_room']
  ] as const) {
    const answer = await post(gateway, `/rooms/${room}/messages`, { content: 1 })
    t.match(answer, { status, body: { code: status, reason, message: /^room: / } }, room)
  }
})

t.test('bodies that are wrong are told what is, and harm nobody', async (t) => {
  const gateway = await startWithoutRates(t)
  const reader = await connect(t, `${gateway.ws}?join=general`)
  type Case = readonly [body: string | Uint8Array<ArrayBuffer>, reason: string, message: RegExp, status?: number]
  const cases: readonly Case[] = [
    ['', 'bad_message', /^body: missing$/],
    ['{', 'bad_json', /JSON/],
    ['{"content":NaN}', 'bad_json', /JSON/],
    ['\ufeff{"content":1}', 'bad_json', /JSON/],
    [new Uint8Array([...Buffer.from('{"content":"'), 0xff, ...Buffer.from('"}')]), 'bad_json', /UTF-8/],
    ['[]', 'bad_message', /^body: must be a JSON object$/],
    ['[{"content":1}]', 'bad_message', /^body: must be a JSON object$/],
    ['null', 'bad_message', /^body: must be a JSON object$/],
    ['"content"', 'bad_message', /^body: must be a JSON object$/],
    ['{}', 'bad_message', /^content: missing$/],
    ['{"__proto__":{"content":1}}', 'bad_message', /^content: missing$/],
    ['{"constructor":{"prototype":{"content":1}}}', 'bad_message', /^content: missing$/],
    ['{"content":1,"key":""}', 'bad_message', /^key: must be a string of 1 to 64 characters$/],
    ['{"content":1,"key":5}', 'bad_message', /^key: must be a string of 1 to 64 characters$/],
    ['{"content":1,"key":"\\ud83c"}', 'bad_message', /^key: must be/],
    ['{"content":1,"ephemeral":"yes"}', 'bad_message', /^ephemeral: must be true or false$/],
    ['{"content":1,"from":""}', 'bad_message', /^from: must be 1 to 64 characters/],
    ['{"content":1,"from":"a\\nb"}', 'bad_message', /^from: must be/],
    [`{"content":"${'x'.repeat(66_000)}"}`, 'too_large', /large/, 413]
  ]
  for (const [body, reason, message, status = 400] of cases) {
    const refused = { status, body: { code: status, reason, message } }
    t.match(await post(gateway, MESSAGES, body), refused, String(body).slice(0, 40))
    if (String(body).includes('ephemeral')) continue
    t.match(await post(gateway, '/broadcast', body), refused, 'and of a broadcast')
  }
  const long = await post(gateway, MESSAGES, { content: 1 }, { 'idempotency-key': 'x'.repeat(65) })
  t.match(long, { status: 400, body: { message: 'idempotency-key: must be a string of 1 to 64 characters' } })
  const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`
  t.equal((await post(gateway, MESSAGES, `{"content":${deep},"__proto__":null,"unknown":${deep.slice(29_000, 31_000)}}`)).status, 200)
  t.match(await reader.next('message'), { seq: 1 }, 'nothing was published before it')
})

t.test('content may be any JSON value, null among them', async (t) => {
  const gateway = await startGateway(t)
  const values = [null, false, 0, '', [], {}, 'text']
  for (const content of values) t.equal((await post(gateway, MESSAGES, { content })).status, 200)
  t.strictSame((await get(gateway, MESSAGES)).body.messages.map(({ content }) => content), values)
})

t.test('a user publishes no more over HTTP than on sockets, all together', async (t) => {
  const gateway = await startWithoutRates(t, { AUTH_SECRET: SECRET, RATE_USER_PUBLISHES: '1' })
  const ann = await tokenOf('ann', { rooms: { '*': ['join', 'publish'] }, can: ['broadcast', 'move'] })
  const socket = await connect(t, `${gateway.ws}?join=general`, bearer(ann))
  t.match(await socket.ask({ type: 'message', room: 'general', content: 1 }), { type: 'ack' })
  const { headers } = bearer(ann)
  t.equal((await post(gateway, '/broadcast', { content: 1 }, headers)).status, 200)
  for (const [path, body] of [[MESSAGES, { content: 1 }], ['/broadcast', { content: 1 }], ['/position', { delta: 1 }]] as const) {
    const refused = await post(gateway, path, body, headers)
    t.match(refused, { status: 429, body: { reason: 'rate_limited' } }, path)
    t.match(refused.headers.get('retry-after'), /^[1-9]/)
  }
  t.equal((await post(gateway, MESSAGES, { content: 1 }, bearer(await tokenOf('bob')).headers)).status, 200)
})

t.test('what is published over HTTP is counted as what is published on sockets', async (t) => {
  const gateway = await startGateway(t)
  await post(gateway, MESSAGES, { content: 1, key: 'k' })
  await post(gateway, '/broadcast', { content: 1 })
  await post(gateway, '/position', { delta: 1 })
  await post(gateway, MESSAGES, { content: 2, key: 'k' })
  const figures = await figuresOf(gateway.http)
  const count = (outcome: string): number | undefined => figures.get(`publish_duration_seconds_count{outcome="${outcome}"}`)
  t.strictSame([count('ack'), count('refused')], [3, 1])
})
