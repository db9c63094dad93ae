import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Batch } from '../../../src/hub/batch.ts'

t.test('one frame alone is handed on as it is', (t) => {
  const batch = new Batch()
  const frame = Buffer.from('a')
  batch.add(frame)
  t.equal(batch.bytes(0, 1), frame)
  t.end()
})

t.test('any stretch of it is those frames, one after the other; the whole is joined once', (t) => {
  const someTexts = fc.array(fc.string({ maxLength: 5 }), { minLength: 1, maxLength: 20 })
  fc.assert(fc.property(someTexts, fc.nat(), fc.nat(), (texts, a, b) => {
    const batch = new Batch()
    for (const text of texts) batch.add(Buffer.from(text))
    const from = a % texts.length
    const to = from + 1 + b % (texts.length - from)
    assert.equal(Buffer.from(batch.bytes(from, to)).toString(), texts.slice(from, to).join(''))
    assert.equal(batch.bytes(0, texts.length), batch.bytes(0, texts.length))
  }))
  t.end()
})

t.test('it is closed when its bytes are on their way, and when it is large', (t) => {
  const sent = new Batch()
  sent.add(Buffer.from('a'))
  t.ok(sent.isOpen)
  sent.bytes(0, 1)
  t.notOk(sent.isOpen)
  const many = new Batch()
  for (let n = 0; many.isOpen; n++) many.add(Buffer.from(String(n)))
  t.equal(many.length, 256)
  const large = new Batch()
  while (large.isOpen) large.add(Buffer.alloc(65_536))
  t.equal(large.length, 4)
  t.end()
})
