import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { areBracketsClosed, closingQuote } from '../../../src/protocol/brackets.ts'

t.test('what opens is closed, in strings nothing does', (t) => {
  const closed = ['', '1', 'x', '[]', '{}', '[{"a":[]}]', '"["', '"\\"["', '"\\\\"', '["]"]', '{"a\\\\":"{"}', '[}']
  const open = ['[', '{', '[[]', '[{"a":1}', ']', '[]]', '}[', '"', '"a', '"\\"', '"a\\\\\\"', '["]', '[[[[[[[[', '"]"[']
  for (const text of closed) t.ok(areBracketsClosed(text), text)
  for (const text of open) t.notOk(areBracketsClosed(text), text)
  t.end()
})

t.test('whatever JSON.parse takes passes, and no beginning of a list or an object does', (t) => {
  fc.assert(fc.property(fc.json(), (text) => {
    assert.ok(areBracketsClosed(text))
    const list = `[${text}]`
    for (let end = 1; end < list.length; end++) assert.ok(!areBracketsClosed(list.slice(0, end)), list.slice(0, end))
  }))
  t.end()
})

t.test('what does not pass JSON.parse would not have taken', (t) => {
  const text = fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', '\\', ':', ',', '1', 'a'), maxLength: 12 })
  fc.assert(fc.property(text, (text) => {
    if (!areBracketsClosed(text)) assert.throws(() => JSON.parse(text) as unknown)
  }), { numRuns: 5_000 })
  t.end()
})

t.test('a string ends at the first quote that an even number of backslashes stands before', (t) => {
  t.equal(closingQuote('"abc"', 0), 4)
  t.equal(closingQuote('""', 0), 1)
  t.equal(closingQuote('x"a\\"b" ', 1), 6)
  t.equal(closingQuote('"a\\\\" "', 0), 4)
  t.equal(closingQuote('"a\\\\\\"', 0), -1)
  t.equal(closingQuote('"', 0), -1)
  t.end()
})
