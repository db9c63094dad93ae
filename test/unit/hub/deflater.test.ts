import assert from 'node:assert/strict'
import { constants, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { Batch } from '../../../src/hub/batch.ts'
import { Deflater } from '../../../src/hub/deflater.ts'
import { type Frame, payloadOf, textFrame } from '../../../src/hub/frame.ts'

const TAIL = Buffer.from([0, 0, 0xff, 0xff])

/** What a client makes of it (RFC 7692 section 7.2.2). */
function read (frame: Frame): string {
  const payload = Buffer.from(payloadOf(frame))
  if (frame[0] === 0x81) return payload.toString()
  assert.equal(frame[0], 0xc1)
  return inflateRawSync(Buffer.concat([payload, TAIL]), { finishFlush: constants.Z_SYNC_FLUSH }).toString()
}

t.test('what is compressed says the same, and is no larger', (t) => {
  const someText = fc.oneof(fc.string({ maxLength: 500 }), fc.string({ maxLength: 8 }).map((text) => text.repeat(100)))
  fc.assert(fc.property(someText, fc.nat(200), (text, minBytes) => {
    const frame = textFrame(text)
    const deflated = new Deflater(minBytes).of(frame)
    assert.equal(read(deflated), text)
    assert.ok(deflated.length <= frame.length)
  }))
  t.end()
})

t.test('a frame is compressed once', (t) => {
  const deflater = new Deflater(10)
  const frame = textFrame('x'.repeat(1_000))
  t.equal(deflater.of(frame), deflater.of(frame))
  t.ok(deflater.of(frame).length < 50)
  t.end()
})

t.test('small frames, those that do not get smaller, and very large ones are sent as they are', (t) => {
  const deflater = new Deflater(100)
  for (const text of ['x'.repeat(99), Buffer.from(Array.from({ length: 120 }, (_, n) => n)), 'x'.repeat(70_000)]) {
    const frame = textFrame(text)
    t.equal(deflater.of(frame), frame)
  }
  t.not(deflater.of(textFrame('x'.repeat(100)))[0], 0x81)
  t.end()
})

t.test('a batch is joined once for those who get it compressed, and once for the others', (t) => {
  const deflater = new Deflater(10)
  const batch = new Batch()
  const frames = [textFrame('a'.repeat(100)), textFrame('b'), textFrame('c'.repeat(100))]
  for (const frame of frames) batch.add(frame)
  t.equal(batch.bytes(0, 3), batch.bytes(0, 3))
  t.equal(batch.bytes(0, 3, deflater), batch.bytes(0, 3, deflater))
  t.strictSame(Buffer.from(batch.bytes(0, 3)), Buffer.concat(frames))
  t.strictSame(Buffer.from(batch.bytes(0, 3, deflater)), Buffer.concat(frames.map((frame) => deflater.of(frame))))
  t.strictSame(Buffer.from(batch.bytes(1, 3, deflater)), Buffer.concat([frames[1]!, deflater.of(frames[2]!)]))
  t.end()
})
