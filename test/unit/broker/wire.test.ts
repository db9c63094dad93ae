import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decodeBody, decodeEnvelope, encodeBody, encodeSignal } from '../../../src/broker/wire.ts'
import type { Signal } from '../../../src/protocol/entry.ts'

const from = fc.string({ unit: 'binary' }).map((user) => JSON.stringify(user))
const content = fc.oneof(
  fc.jsonValue().map((value) => JSON.stringify(value, null, 2)), fc.constantFrom('1.0', ' [\n\t1\n] ', '"\u{1f30a}"')
)
const except = fc.option(fc.stringMatching(/^c_[A-Za-z0-9_-]{8}$/), { nil: undefined })
const timestampMs = fc.nat(4_000_000_000_000)
const word = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/)

/** With its content as text: bytes are compared as such, not as buffers and views. */
function readable <Body extends Pick<Signal, 'content'>> (body: Body): object {
  return { ...body, content: Buffer.from(body.content).toString() }
}

function decoded (text: string): unknown {
  return decodeEnvelope(Buffer.from(text))
}

t.test('a signal comes back as it was sent', (t) => {
  fc.assert(fc.property(from, content, except, timestampMs, (user, text, connection, atMs) => {
    const signal = { from: user, except: connection, content: text, timestampMs: atMs }
    const envelope = decodeEnvelope(Buffer.from(encodeSignal(signal)))
    assert.ok(envelope?.kind === 'signal')
    assert.deepEqual(readable(envelope.signal), signal)
  }))
  t.end()
})

t.test('an entry comes back as the script wrote it', (t) => {
  const members = { seq: fc.nat({ max: 999_999_999_999_999 }), epoch: word, id: word, prev: word, timestampMs }
  const place = fc.record(members, { noNullPrototype: true })
  const body = fc.record({ from, content, except }, { noNullPrototype: true })
  fc.assert(fc.property(place, body, (one, draft) => {
    const header = `1 E ${one.seq} ${one.epoch} ${one.id} ${one.prev} ${one.timestampMs}`
    const envelope = decodeEnvelope(Buffer.from(`${header}\n${encodeBody(draft)}`))
    assert.ok(envelope?.kind === 'entry')
    assert.deepEqual(readable(envelope.entry), { ...one, ...draft })
  }))
  t.end()
})

t.test('a body comes back as it was stored', (t) => {
  fc.assert(fc.property(fc.record({ from, content, except }, { noNullPrototype: true }), (draft) => {
    const body = decodeBody(Buffer.from(encodeBody(draft)))
    assert.ok(body !== undefined)
    assert.deepEqual(readable(body), draft)
  }))
  t.end()
})

t.test('content is a view of the payload, not a copy', (t) => {
  const payload = Buffer.from(encodeSignal({ from: '"ann"', except: undefined, content: '"x"', timestampMs: 5 }))
  const envelope = decodeEnvelope(payload)
  t.equal(envelope?.kind === 'signal' && envelope.signal.content.buffer, payload.buffer)
  t.end()
})

t.test('a payload that begins in the middle of its memory is read all the same', (t) => {
  const memory = Buffer.from('xxxx1 S 5\n"ann"\tc_1\n{}')
  const envelope = decodeEnvelope(new Uint8Array(memory.buffer, memory.byteOffset + 4, memory.length - 4))
  t.match(envelope, { kind: 'signal', signal: { from: '"ann"', except: 'c_1', timestampMs: 5 } })
  t.end()
})

t.test('C11 a payload of another version or kind is ignored', (t) => {
  const rest = '5\n"ann"\t\n1'
  t.match(decoded(`1 S ${rest}`), { kind: 'signal' }, 'this version')
  for (const head of ['2 S', '10 S', 'S', ' S', '1 X', '1 s', '1  S']) t.equal(decoded(`${head} ${rest}`), undefined, head)
  t.end()
})

t.test('a payload without its lines is ignored', (t) => {
  for (const text of ['', '\n', '\n\n', '1 S 5', '1 S 5\n', '1 S 5\n"ann"\t', '{"type":"message"}']) {
    t.equal(decoded(text), undefined, JSON.stringify(text))
  }
  t.end()
})

t.test('a header that is not wholly of its form is ignored', (t) => {
  const entry = '1 E 5 e1 a5 a4 9'
  t.match(decoded(`${entry}\n"ann"\t\n1`), { kind: 'entry', entry: { seq: 5, epoch: 'e1', id: 'a5', prev: 'a4' } })
  const heads = [
    '1 S x', '1 S', '1 S ', '1 S 5 ', '1 S 5 6', '1 S -5', '1 S 5.5', '1 S 0x5', '1 S 1e3', '1 S  5', 'x1 S 5',
    '1 S 1234567890123456', '1 S 12345678901234567',
    '1 E', '1 E 5', '1 E 5 e1 a5 a4', '1 E x e1 a5 a4 9', '1 E -5 e1 a5 a4 9', '1 E 5.5 e1 a5 a4 9', '1 E  e1 a5 a4 9',
    '1 E 12345678901234567 e1 a5 a4 9', '1 E 5 e1 a5 a4 x', '1 E 5 e1 a5 a4 12345678901234567', '1 E 5 e1  a4 9',
    `${entry} 9`, `${entry} `, ` ${entry}`
  ]
  for (const head of heads) t.equal(decoded(`${head}\n"ann"\t\n1`), undefined, head)
  t.end()
})

t.test('a time of fifteen digits is read, and is a date', (t) => {
  const envelope = decodeEnvelope(Buffer.from('1 S 999999999999999\n"ann"\t\n1'))
  t.equal(envelope?.kind === 'signal' && new Date(envelope.signal.timestampMs).toISOString(), '+033658-09-27T01:46:39.999Z')
  t.end()
})

t.test('a body that has no sender line, or no tab in it, is none', (t) => {
  for (const body of ['', '1', '"ann"', '"ann"\t', '"ann"\n1', '\n', '\n\t\n', '"ann"\n\t\n1']) {
    t.equal(decodeBody(Buffer.from(body)), undefined, JSON.stringify(body))
    t.equal(decoded(`1 S 5\n${body}`), undefined, JSON.stringify(body))
    t.equal(decoded(`1 E 5 e1 a5 a4 9\n${body}`), undefined, JSON.stringify(body))
  }
  t.end()
})

t.test('garbage behind a good version never throws, either', (t) => {
  const part = fc.oneof(fc.constantFrom('1', ' ', 'S', 'E', '\n', '\t', '5', 'e1', '"ann"', '-', '1 S 5\n', '1 E 5 e1 a b 9\n'))
  fc.assert(fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
    const envelope = decodeEnvelope(Buffer.from(`1 ${parts.join('')}`))
    if (envelope === undefined || envelope.kind === 'presence') return
    const { timestampMs } = envelope.kind === 'entry' ? envelope.entry : envelope.signal
    assert.ok(!Number.isNaN(new Date(timestampMs).getTime()))
    if (envelope.kind === 'entry') assert.ok(Number.isInteger(envelope.entry.seq))
  }), { numRuns: 500 })
  t.end()
})

t.test('garbage is ignored, and never throws', (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    fc.pre(!Buffer.from(bytes).toString('latin1').startsWith('1 '))
    assert.equal(decodeEnvelope(bytes), undefined)
  }))
  t.end()
})
