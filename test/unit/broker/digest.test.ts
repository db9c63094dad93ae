import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { digestOf } from '../../../src/broker/digest.ts'

const kind = fc.constantFrom('entry' as const, 'signal' as const, 'move' as const)

t.test('two digests are the same exactly where kind and content are', (t) => {
  const content = fc.oneof(fc.string(), fc.constantFrom('1', '1.0', '', ' ', 'signal 1', 'entry 1'))
  fc.assert(fc.property(kind, content, kind, content, (kindA, a, kindB, b) => {
    assert.equal(digestOf(kindA, a) === digestOf(kindB, b), kindA === kindB && a === b)
  }), { numRuns: 500 })
  t.not(digestOf('entry', '1'), digestOf('signal', '1'), 'a stored message is never a signal')
  t.not(digestOf('entry', '1'), digestOf('move', '1'))
  t.not(digestOf('entry', '1'), digestOf('entry', '1.0'))
  t.end()
})

t.test('text and its bytes have the same digest', (t) => {
  fc.assert(fc.property(kind, fc.string({ unit: 'grapheme' }), (of, text) => {
    assert.equal(digestOf(of, text), digestOf(of, Buffer.from(text)))
  }))
  t.end()
})

t.test('a digest is short, however long the content is', (t) => {
  t.match(digestOf('entry', 'x'.repeat(100_000)), /^[A-Za-z0-9_-]{27}$/)
  t.end()
})
