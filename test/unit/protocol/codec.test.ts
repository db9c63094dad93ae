import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decode, type Decoded } from '../../../src/protocol/codec.ts'

const NONE = undefined

function decodeJson (value: unknown): Decoded {
  return decode(JSON.stringify(value))
}

/** The request as decoded, or what it was refused for. */
function asked (value: unknown): unknown {
  const decoded = typeof value === 'string' ? decode(value) : decodeJson(value)
  return decoded.ok ? decoded.request : `${decoded.refusal.reason} ${decoded.refusal.message}`
}

function content (text: string): string | undefined {
  const decoded = decode(text)
  return decoded.ok && 'content' in decoded.request ? decoded.request.content : undefined
}

t.test('join has a room, and optionally a cursor and a count of history', (t) => {
  t.strictSame(asked({ type: 'join', id: 1, room: 'general' }),
    { type: 'join', id: 1, room: 'general', since: NONE, history: NONE })
  t.strictSame(asked({ type: 'join', room: 'general', since: 'k3f9.41.Zx81kQ', history: 0 }),
    { type: 'join', id: NONE, room: 'general', since: { epoch: 'k3f9', seq: 41, id: 'Zx81kQ' }, history: 0 })
  t.end()
})

t.test('leave has a room', (t) => {
  t.strictSame(asked({ type: 'leave', id: 'x', room: 'general' }), { type: 'leave', id: 'x', room: 'general' })
  t.end()
})

t.test('message has a room and content, and is stored and echoed unless it says otherwise', (t) => {
  t.strictSame(asked({ type: 'message', room: 'general', content: 'Hello' }),
    { type: 'message', id: NONE, room: 'general', content: '"Hello"', key: NONE, ephemeral: false, echo: true })
  t.strictSame(
    asked({ type: 'message', id: 1, room: 'a', content: {}, key: 'k'.repeat(64), ephemeral: true, echo: false }),
    { type: 'message', id: 1, room: 'a', content: '{}', key: 'k'.repeat(64), ephemeral: true, echo: false }
  )
  t.end()
})

t.test('broadcast has content and no room', (t) => {
  t.strictSame(asked({ type: 'broadcast', id: 2, content: 'noon', key: 'k' }),
    { type: 'broadcast', id: 2, content: '"noon"', key: 'k' })
  t.end()
})

t.test('move has a delta', (t) => {
  t.strictSame(asked({ type: 'move', delta: -50, key: 'k' }), { type: 'move', id: NONE, delta: -50, key: 'k' })
  t.end()
})

t.test('a delta of -0 is a plain 0', (t) => {
  t.strictSame(asked('{"type":"move","delta":-0}'), { type: 'move', id: NONE, delta: 0, key: NONE })
  t.end()
})

t.test('history asks for 50 messages unless it says otherwise', (t) => {
  t.strictSame(asked({ type: 'history', room: 'a' }), { type: 'history', id: NONE, room: 'a', before: NONE, limit: 50 })
  t.strictSame(asked({ type: 'history', room: 'a', before: 1, limit: 200 }),
    { type: 'history', id: NONE, room: 'a', before: 1, limit: 200 })
  t.end()
})

t.test('ping has nothing but an id', (t) => {
  t.strictSame(asked({ type: 'ping', id: 7, room: 5, content: [] }), { type: 'ping', id: 7 })
  t.end()
})

t.test('null is the same as absent', (t) => {
  t.strictSame(asked({ type: 'join', id: null, room: 'a', since: null, history: null }), asked({ type: 'join', room: 'a' }))
  t.strictSame(
    asked({ type: 'message', room: 'a', content: 1, id: null, key: null, ephemeral: null, echo: null }),
    asked({ type: 'message', room: 'a', content: 1 })
  )
  t.strictSame(asked({ type: 'history', room: 'a', before: null, limit: null }), asked({ type: 'history', room: 'a' }))
  t.equal(asked({ type: null }), 'bad_message type: missing')
  t.equal(asked({ type: 'leave', room: null }), 'bad_message room: missing')
  t.equal(asked({ type: 'move', delta: null }), 'bad_message delta: missing')
  t.end()
})

t.test('null is a content like any other', (t) => {
  t.equal(content('{"type":"message","room":"a","content":null}'), 'null')
  t.end()
})

t.test('each refusal names the field and what it must be', (t) => {
  const key = 'bad_message key: must be a string of 1 to 64 characters'
  const delta = 'bad_message delta: must be an integer of at most ±(2^53 − 1)'
  const cursor = 'bad_cursor since: not a cursor of this gateway'
  const table: ReadonlyArray<readonly [object, string]> = [
    [{}, 'bad_message type: missing'],
    [{ type: 5 }, 'bad_message type: must be a string'],
    [{ type: 'shout' }, 'unknown_type type: the gateway does not know "shout"'],
    [{ type: 'toString' }, 'unknown_type type: the gateway does not know "toString"'],
    [{ type: 'leave' }, 'bad_message room: missing'],
    [{ type: 'leave', room: 5 }, 'bad_message room: must be a string'],
    [{ type: 'join', room: 'a', since: 5 }, cursor],
    [{ type: 'join', room: 'a', since: '' }, cursor],
    [{ type: 'join', room: 'a', since: 'k.-1.x' }, cursor],
    [{ type: 'join', room: 'a', history: -1 }, 'bad_message history: must be an integer of at least 0'],
    [{ type: 'join', room: 'a', history: '5' }, 'bad_message history: must be an integer of at least 0'],
    [{ type: 'join', room: 'a', history: 1.5 }, 'bad_message history: must be an integer of at least 0'],
    [{ type: 'message', room: 'a' }, 'bad_message content: missing'],
    [{ type: 'broadcast' }, 'bad_message content: missing'],
    [{ type: 'message', room: 'a', content: 1, key: '' }, key],
    [{ type: 'message', room: 'a', content: 1, key: 'k'.repeat(65) }, key],
    [{ type: 'broadcast', content: 1, key: 5 }, key],
    [{ type: 'move', delta: 1, key: {} }, key],
    [{ type: 'message', room: 'a', content: 1, ephemeral: 1 }, 'bad_message ephemeral: must be true or false'],
    [{ type: 'message', room: 'a', content: 1, echo: 'no' }, 'bad_message echo: must be true or false'],
    [{ type: 'message', room: 'a', content: 1, echo: false },
      'bad_message id: echo false asks for one, because the ack stands in for the frame'],
    [{ type: 'move' }, 'bad_message delta: missing'],
    [{ type: 'move', delta: '5' }, delta],
    [{ type: 'move', delta: 0.5 }, delta],
    [{ type: 'move', delta: 2 ** 53 }, delta],
    [{ type: 'history', room: 'a', before: 0 }, 'bad_message before: must be an integer of at least 1'],
    [{ type: 'history', room: 'a', limit: 0 }, 'bad_message limit: must be an integer of 1 to 200'],
    [{ type: 'history', room: 'a', limit: 201 }, 'bad_message limit: must be an integer of 1 to 200']
  ]
  for (const [request, refused] of table) t.equal(asked(request), refused, JSON.stringify(request).slice(0, 80))
  t.end()
})

t.test('what is no JSON is bad_json', (t) => {
  for (const text of ['', '{', 'hello', "{'type':'ping'}", '{"type":"ping"}x', '\ufeff{"type":"ping"}', '[1,]']) {
    t.equal(asked(text), 'bad_json the frame is not JSON', text)
  }
  t.end()
})

t.test('JSON that is no object is bad_message', (t) => {
  for (const text of ['null', '5', '"ping"', 'true', '[]', '[{"type":"ping"}]']) {
    t.equal(asked(text), 'bad_message a frame holds one JSON object', text)
  }
  t.end()
})

t.test('an id is an integer, or a string of at most 64 characters', (t) => {
  for (const id of [0, -1, 2 ** 53 - 1, '', 'x', 'x'.repeat(64)]) t.strictSame(asked({ type: 'ping', id }), { type: 'ping', id })
  for (const id of [1.5, 2 ** 53, 'x'.repeat(65), true, [], {}]) {
    t.strictSame(decodeJson({ type: 'ping', id }), {
      ok: false,
      refusal: {
        reason: 'bad_message',
        message: 'id: must be an integer, or a string of at most 64 characters',
        retryAfterMs: NONE
      },
      id: NONE,
      room: NONE
    }, JSON.stringify(id))
  }
  t.end()
})

t.test('a refusal carries the id and the room of its request', (t) => {
  t.match(decodeJson({ type: 'message', id: 9, room: 'general' }), { ok: false, id: 9, room: 'general' })
  t.match(decodeJson({ type: 'shout', id: 'x', room: '$all' }), { ok: false, id: 'x', room: '$all' })
  t.end()
})

t.test('a refusal does not repeat what is no room\'s name', (t) => {
  for (const room of ['{evil}', 5, ['general']]) t.equal(refusedRoom({ type: 'shout', room }), undefined)
  t.end()
})

function refusedRoom (value: unknown): string | undefined {
  const decoded = decodeJson(value)
  return decoded.ok ? 'not refused' : decoded.room
}

t.test('a long type is cut short in the refusal, and stays on one line', (t) => {
  t.equal(asked({ type: 'x'.repeat(32) }), `unknown_type type: the gateway does not know "${'x'.repeat(32)}"`)
  t.equal(asked({ type: `\n${'x'.repeat(5_000)}` }), `unknown_type type: the gateway does not know "\\n${'x'.repeat(31)}…"`)
  t.end()
})

t.test('a room\'s name is checked in every request that has one', (t) => {
  const requests = [{ type: 'join' }, { type: 'leave' }, { type: 'message', content: 1 }, { type: 'history' }]
  for (const request of requests) t.match(asked({ ...request, room: 'a b' }), /^bad_room room: ".*" is no name: it takes 1 to 128 of/)
  t.end()
})

t.test('$all can be named, and no other name that begins with $', (t) => {
  t.match(decodeJson({ type: 'join', room: '$all' }), { ok: true, request: { room: '$all' } })
  t.match(asked({ type: 'join', room: '$other' }), /^bad_room/)
  t.end()
})

t.test('content is kept as it was written', (t) => {
  const deep = '['.repeat(30_000) + ']'.repeat(30_000)
  const texts = [
    '1.0', '12345678901234567890', '-0', '1E5', '""', '"\\u0041\\/\\""', '"\u{1f30a} żółw 海"', '"\\ud800"', '[ 1 , 2 ]',
    '{ "a" : { "content" : [ "}" , "{" ] } }', '{"a":1,"a":2}', '"\\\\"', '[\n\t1\r\n]', deep
  ]
  for (const text of texts) {
    const name = text.slice(0, 40)
    t.equal(content(`{"type":"message","room":"a","content":${text}}`), text, name)
    t.equal(content(` { "content" : ${text} , "type" : "broadcast" } `), text, name)
  }
  t.end()
})

t.test('60 KB of opening brackets are no JSON, and no crash', (t) => {
  t.match(asked(`{"type":"broadcast","content":${'['.repeat(60_000)}}`), /^bad_json/)
  t.end()
})

t.test('what is long and leaves a bracket or a string open is told apart before it is parsed', (t) => {
  const pad = ' '.repeat(5_000)
  for (const text of ['[', '{"a":[}', '{"a":"]}', ']', '{"a":"\\"}', '"']) t.match(asked(text + pad), /^bad_json/)
  for (const text of ['{"type":"ping","a":"]}[{\\""}', '{"type":"ping","a":"\\\\","b":[{},"["]}']) {
    t.match(asked(text + pad), { type: 'ping' })
  }
  t.end()
})

t.test('a field that comes twice counts by its last value', (t) => {
  t.equal(content('{"content":1,"type":"broadcast","content":2.0}'), '2.0')
  t.strictSame(asked('{"type":"ping","id":1,"id":2}'), { type: 'ping', id: 2 })
  t.end()
})

t.test('a field\'s name may be written with escapes', (t) => {
  t.equal(content('{"type":"broadcast","c\\u006fntent":1.0}'), '1.0')
  t.equal(content('{"type":"broadcast","content":1.0,"c\\u006fntent":2.0}'), '2.0')
  t.end()
})

t.test('a member named content deeper inside is not the content', (t) => {
  t.equal(content('{"type":"broadcast","content":1.0,"other":{"content":2}}'), '1.0')
  t.equal(asked('{"type":"broadcast","other":{"content":2}}'), 'bad_message content: missing')
  t.end()
})

t.test('__proto__ and constructor are fields like any other', (t) => {
  t.strictSame(asked('{"type":"ping","__proto__":{"id":5},"constructor":1}'), { type: 'ping', id: NONE })
  t.equal(asked('{"__proto__":{"type":"ping"}}'), 'bad_message type: missing')
  t.equal(content('{"type":"broadcast","content":{"__proto__":{"x":1}}}'), '{"__proto__":{"x":1}}')
  t.end()
})

t.test('no text makes it throw', (t) => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => { decode(text) }))
  t.end()
})

t.test('no JSON value makes it throw, whatever its fields hold', (t) => {
  const types = fc.constantFrom('join', 'leave', 'message', 'broadcast', 'move', 'history', 'ping')
  const names = ['id', 'room', 'since', 'history', 'content', 'key', 'ephemeral', 'echo', 'delta', 'before', 'limit']
  const fields = fc.dictionary(fc.constantFrom(...names), fc.oneof(fc.jsonValue(), fc.constantFrom('general', 1, true)))
  const requests = fc.tuple(types, fields).map(([type, rest]) => ({ type, ...rest }))
  fc.assert(fc.property(fc.oneof(requests, fc.jsonValue()), (value) => {
    const decoded = decodeJson(value)
    if (!decoded.ok) return decoded.refusal.message !== ''
    return decoded.request.type === (value as { type: string }).type
  }), { numRuns: 1_000 })
  t.end()
})

t.test('any JSON value as content comes out as the very text that went in', (t) => {
  const spaces = fc.constantFrom('', ' ', '\n\t', '\r\n')
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), spaces, (value, before, space) => {
    const text = JSON.stringify(value, null, space)
    const found = content(`{${space}"before":${JSON.stringify(before)},"content":${space}${text}${space},"type":"broadcast"}`)
    assert.equal(found, text)
  }), { numRuns: 500 })
  t.end()
})
