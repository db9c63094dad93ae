import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { formatCursor, parseCursor, sameCursor } from '../../../src/protocol/cursor.ts'

const word = fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/)
const cursor = fc.record({ epoch: word, seq: fc.maxSafeNat(), id: word }, { noNullPrototype: true })

t.test('a cursor comes back from its text as it was', (t) => {
  fc.assert(fc.property(cursor, (one) => {
    assert.deepEqual(parseCursor(formatCursor(one)), one)
  }))
  t.end()
})

t.test('a text that parses is the text of its cursor', (t) => {
  fc.assert(fc.property(fc.stringMatching(/^[a-z_.-]{0,4}\.?[0-9]{0,18}\.?[A-Z-]{0,3}$/), (text) => {
    const parsed = parseCursor(text)
    return parsed === undefined || formatCursor(parsed) === text
  }), { numRuns: 1_000 })
  t.end()
})

t.test('a cursor may stand at 0 and at the largest safe integer', (t) => {
  t.strictSame(parseCursor('e.0.e'), { epoch: 'e', seq: 0, id: 'e' })
  t.equal(parseCursor('e.9007199254740991.x')?.seq, Number.MAX_SAFE_INTEGER)
  t.end()
})

t.test('what is not of the form is no cursor', (t) => {
  const long = 'x'.repeat(33)
  const bad = [
    '', '.', '..', 'e.1', 'e.1.', '.1.x', 'e..x', 'e.1.x.y', 'e.-1.x', 'e.01.x', 'e.1.0.x', 'e.1e3.x', 'e.+1.x', 'e. 1.x',
    'e.9007199254740992.x', 'e.99999999999999999.x', `${long}.1.x`, `e.1.${long}`, 'e.1.x\n', ' e.1.x', 'é.1.x', 'e.1.{x}', 'e.١.x'
  ]
  for (const text of bad) t.equal(parseCursor(text), undefined, JSON.stringify(text))
  t.end()
})

t.test('cursors are the same in epoch, number and id, or not at all', (t) => {
  const one = { epoch: 'e', seq: 1, id: 'x' }
  t.ok(sameCursor(one, { ...one }))
  t.notOk(sameCursor(one, { ...one, epoch: 'f' }))
  t.notOk(sameCursor(one, { ...one, seq: 2 }))
  t.notOk(sameCursor(one, { ...one, id: 'y' }))
  t.end()
})
