import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  type Frame, historyPieces, LARGE_BYTES, messageParts, newestWithin, payloadOf, replyFrame, type Sent, sentEntry,
  signalFrame, textFrame, textPieces
} from '../../../src/hub/frame.ts'
import { entry, NOON } from '../fakes.ts'

const TIMESTAMP = '2026-01-01T12:00:00.000Z'

function textOf (frame: Frame): string {
  return Buffer.from(payloadOf(frame)).toString()
}

function lengthOf ({ frame }: Sent): number {
  return frame.length
}

function sentOf (bytes: number): Sent {
  return { ...entry(1), frame: new Uint8Array(bytes) }
}

t.test('the header has 2 bytes up to 125, 4 up to 65535, and 10 above', (t) => {
  const table = [[0, 2], [1, 2], [125, 2], [126, 4], [65_535, 4], [65_536, 10]] as const
  for (const [payload, header] of table) t.equal(textFrame('x'.repeat(payload)).length, header + payload, String(payload))
  t.end()
})

t.test('the header says a whole text frame, unmasked, and the length in bytes', (t) => {
  t.strictSame([...textFrame('x'.repeat(125)).subarray(0, 2)], [0x81, 125])
  t.strictSame([...textFrame('x'.repeat(126)).subarray(0, 4)], [0x81, 126, 0, 126])
  t.strictSame([...textFrame('é'.repeat(300)).subarray(0, 4)], [0x81, 126, 2, 88])
  t.strictSame([...textFrame('x'.repeat(65_536)).subarray(0, 10)], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0])
  t.end()
})

t.test('the payload is the parts, one after the other', (t) => {
  const part = fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array(), fc.constant('x'.repeat(70_000)))
  fc.assert(fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
    const expected = Buffer.concat(parts.map((one) => Buffer.from(one as string)))
    assert.ok(expected.equals(payloadOf(textFrame(...parts))))
  }))
  t.end()
})

t.test('a payload is a view of its frame, not a copy', (t) => {
  const frame = textFrame('hello')
  t.equal(payloadOf(frame).buffer, frame.buffer)
  t.end()
})

t.test('a message has its members in the order of the protocol', (t) => {
  const { frame } = sentEntry('general', entry(42, 'x', { content: Buffer.from('"Hello"') }))
  t.equal(textOf(frame), '{"type":"message","room":"general","seq":42,"cursor":"e1.42.x42","from":"ann",' +
    `"content":"Hello","timestamp":"${TIMESTAMP}"}`)
  t.end()
})

t.test('an entry of $all is a broadcast, which names no room', (t) => {
  const { frame } = sentEntry('$all', entry(4))
  t.equal(textOf(frame), `{"type":"broadcast","seq":4,"cursor":"e1.4.a4","from":"ann","content":4,"timestamp":"${TIMESTAMP}"}`)
  t.end()
})

t.test('an entry of position says where the car is, and not who moved it', (t) => {
  const { frame } = sentEntry('position', entry(18, 'a', { content: Buffer.from('350') }))
  t.equal(textOf(frame),
    `{"type":"position","room":"position","seq":18,"cursor":"e1.18.a18","position":350,"timestamp":"${TIMESTAMP}"}`)
  t.end()
})

t.test('a message that is not stored has neither seq nor cursor', (t) => {
  const frame = signalFrame('live:1', { from: '"ann"', content: Buffer.from('{}'), except: undefined, timestampMs: NOON })
  t.equal(textOf(frame), `{"type":"message","room":"live:1","from":"ann","content":{},"timestamp":"${TIMESTAMP}"}`)
  t.end()
})

t.test('content reaches the frame as the bytes that were sent', (t) => {
  for (const text of ['1.0', '12345678901234567890', '{"a":1,"a":2}', '"\\u0041\u{1f30a}"', ' [ 1 ] ']) {
    const content = Buffer.from(text)
    const signal = { from: '"ann"', content, except: undefined, timestampMs: NOON }
    t.ok(textOf(sentEntry('general', entry(1, 'a', { content })).frame).includes(`"content":${text},"timestamp"`), text)
    t.ok(textOf(signalFrame('general', signal)).includes(`"content":${text},"timestamp"`), text)
  }
  t.end()
})

t.test('any name and any content make a frame that parses', (t) => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), (user, content) => {
    const one = entry(1, 'a', { from: JSON.stringify(user), content: Buffer.from(JSON.stringify(content)) })
    const parsed = JSON.parse(textOf(sentEntry('general', one).frame)) as Record<string, unknown>
    assert.equal(parsed['from'], user)
    assert.deepEqual(parsed['content'], JSON.parse(JSON.stringify(content)))
  }))
  t.end()
})

t.test('what is sent keeps its place, the entry before it, and who gets no echo', (t) => {
  const { frame, ...rest } = sentEntry('general', entry(2, 'a', { except: 'c_1' }))
  t.strictSame(rest, { epoch: 'e1', seq: 2, id: 'a2', prev: 'a1', timestampMs: NOON, except: 'c_1' })
  t.ok(frame.length > 2)
  t.end()
})

t.test('history holds each message as its own frame does, oldest first', (t) => {
  const [first, second] = [1, 2].map((seq) => textOf(sentEntry('general', entry(seq)).frame))
  const messages = [1, 2].map((seq) => messageParts('general', entry(seq)))
  const [frame, ...more] = historyPieces(5, 'general', messages, true)
  t.equal(textOf(frame!), `{"type":"history","id":5,"room":"general","messages":[${first},${second}],"more":true}`)
  t.strictSame(more, [], 'what is small is one piece')
  t.end()
})

t.test('an empty history without an id still parses', (t) => {
  const text = (id: string | undefined, room: string): string => textOf(historyPieces(id, room, [], false)[0]!)
  t.equal(text(undefined, 'general'), '{"type":"history","room":"general","messages":[],"more":false}')
  t.equal(text('"\n', 'a'), '{"type":"history","id":"\\"\\n","room":"a","messages":[],"more":false}')
  t.end()
})

t.test('large contents of a history are pieces of it, and no copies', (t) => {
  const content = Buffer.from(`"${'ä'.repeat(LARGE_BYTES)}"`)
  const messages = [1, 2, 3].map((seq) => messageParts('general', entry(seq, 'a', seq === 2 ? {} : { content })))
  const pieces = historyPieces(5, 'general', messages, false)
  t.equal(pieces.length, 5)
  t.equal(pieces[1], content)
  t.equal(pieces[3], content)
  const { messages: said } = JSON.parse(textOf(Buffer.concat(pieces))) as { messages: Array<{ seq: number }> }
  t.strictSame(said.map(({ seq }) => seq), [1, 2, 3])
  t.end()
})

t.test('pieces are the bytes of the frame, whatever is large of it', (t) => {
  const length = fc.constantFrom(LARGE_BYTES - 1, LARGE_BYTES, 70_000)
  const large = length.map((bytes) => new Uint8Array(bytes).fill(120))
  const part = fc.oneof(fc.string(), fc.uint8Array({ maxLength: 20 }), large)
  fc.assert(fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
    assert.ok(Buffer.concat(textPieces(...parts)).equals(textFrame(...parts)))
  }))
  t.end()
})

t.test('a reply leaves out what is undefined', (t) => {
  t.equal(textOf(replyFrame({ type: 'left', id: undefined, room: 'a' })), '{"type":"left","room":"a"}')
  t.end()
})

t.test('the newest frames within so many bytes come oldest first', (t) => {
  const frames = [sentOf(10), sentOf(20), sentOf(30)]
  t.strictSame(newestWithin(frames, lengthOf, 60), frames)
  t.strictSame(newestWithin(frames, lengthOf, 59), frames.slice(1))
  t.strictSame(newestWithin(frames, lengthOf, 50), frames.slice(1))
  t.strictSame(newestWithin(frames, lengthOf, 49), frames.slice(2))
  t.end()
})

t.test('the newest frame comes however large it is', (t) => {
  const frames = [sentOf(1), sentOf(1_000)]
  t.strictSame(newestWithin(frames, lengthOf, 10), frames.slice(1))
  t.strictSame(newestWithin([], lengthOf, 10), [])
  t.end()
})
