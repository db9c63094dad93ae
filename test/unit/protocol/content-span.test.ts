import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { memberText } from '../../../src/protocol/content-span.ts'

t.test('a member that is not there is undefined', (t) => {
  t.equal(memberText('{}', 'a'), undefined)
  t.equal(memberText(' { "b" : "a" , "c" : { "a" : 1 } } ', 'a'), undefined)
  t.end()
})

t.test('a value ends where the value ends, and takes no space with it', (t) => {
  t.equal(memberText('{"a":1}', 'a'), '1')
  t.equal(memberText('{"a": true\n,"b":2}', 'a'), 'true')
  t.equal(memberText('{"a":"x\\\\","b":"\\""}', 'a'), '"x\\\\"')
  t.equal(memberText('{"b":"\\\\\\"","a":[{"]":"}"}] }', 'a'), '[{"]":"}"}]')
  t.end()
})

t.test('a name is compared as what it says, not as it is written', (t) => {
  t.equal(memberText('{"\\u0061":1}', 'a'), '1')
  t.equal(memberText('{"\\\\":1,"\\"":2}', '\\'), '1')
  t.equal(memberText('{"\\\\":1,"\\"":2}', '"'), '2')
  t.end()
})

t.test('the last of several members wins', (t) => {
  t.equal(memberText('{"a":1,"a":{"a":2},"b":3}', 'a'), '{"a":2}')
  t.end()
})

t.test('it agrees with JSON.parse on every member of any object, however it is spaced', (t) => {
  // No backslash: Node 24.21's JSON.parse takes the name "\"" for "\\" once it has seen an object with the latter.
  const isPlain = (value: unknown): boolean => !JSON.stringify(value).includes('\\\\')
  const names = fc.oneof(fc.string({ unit: 'binary', maxLength: 3 }), fc.constantFrom('a', 'content', '__proto__', '"'))
  const members = fc.array(fc.tuple(names.filter(isPlain), fc.jsonValue().filter(isPlain)), { maxLength: 6 })
  const spaces = fc.constantFrom('', ' ', '\n', '\t\r\n ')
  fc.assert(fc.property(members, spaces, fc.nat(), (pairs, space, indent) => {
    const written = pairs.map(([name, value]) =>
      `${space}${JSON.stringify(name)}${space}:${space}${JSON.stringify(value, null, indent % 3)}${space}`)
    const text = `${space}{${written.join(',') || space}}${space}`
    const parsed = new Map(Object.entries(JSON.parse(text) as object))
    for (const [name, value] of parsed) assert.deepEqual(JSON.parse(memberText(text, name)!), value)
    assert.equal(memberText(text, 'absent'), undefined)
  }), { numRuns: 300 })
  t.end()
})
