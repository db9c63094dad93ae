import t from 'tap'
import { DedupeMemory } from '../../../src/broker/dedupe.ts'
import { BrokerError } from '../../../src/protocol/codes.ts'
import { KEY_TTL_MS } from '../../../src/protocol/entry.ts'
import { FakeTime } from '../fakes.ts'

const ANN = { scope: 'user:ann', key: 'k' }

t.test('a key that is new is not found, and to look for it does not claim it', (t) => {
  const memory = new DedupeMemory()
  t.equal(memory.find('general', ANN, '1'), undefined)
  t.equal(memory.find('general', ANN, '2'), undefined)
  t.end()
})

t.test('a key that comes again has the first one\'s result', (t) => {
  const memory = new DedupeMemory()
  memory.remember('general', ANN, '1', 'first')
  t.strictSame(memory.find('general', ANN, '1'), { result: 'first' })
  t.strictSame(memory.find('general', ANN, '1'), { result: 'first' })
  t.end()
})

t.test('a result may be undefined, and is a result all the same', (t) => {
  const memory = new DedupeMemory()
  memory.remember('general', ANN, '1', undefined)
  t.strictSame(memory.find('general', ANN, '1'), { result: undefined })
  t.end()
})

t.test('a key that comes with other content is refused, and keeps its first result', (t) => {
  const memory = new DedupeMemory()
  memory.remember('general', ANN, '1', 'first')
  t.equal(memory.find('general', ANN, '1.0'), 'key_reused')
  t.strictSame(memory.find('general', ANN, '1'), { result: 'first' })
  t.end()
})

t.test('rooms, scopes and keys are told apart, whatever they are made of', (t) => {
  const memory = new DedupeMemory()
  memory.remember('general', ANN, '1', 'first')
  t.equal(memory.find('other', ANN, '1'), undefined)
  t.equal(memory.find('general', { ...ANN, scope: 'user:bob' }, '1'), undefined)
  t.equal(memory.find('general', { ...ANN, key: 'l' }, '1'), undefined)
  memory.remember('a', { scope: 'b', key: 'c","d' }, '1', 'first')
  t.equal(memory.find('a', { scope: 'b","c', key: 'd' }, '1'), undefined)
  t.end()
})

t.test('a key is remembered for five minutes', (t) => {
  const time = new FakeTime(t)
  const memory = new DedupeMemory()
  memory.remember('general', ANN, '1', 'first')
  time.pass(1)
  memory.remember('other', ANN, '1', 'later')
  time.pass(KEY_TTL_MS - 2)
  t.strictSame(memory.find('general', ANN, '1'), { result: 'first' })
  time.pass(1)
  t.equal(memory.find('general', ANN, '2'), undefined)
  memory.remember('general', ANN, '2', 'anew')
  t.strictSame(memory.find('other', ANN, '1'), { result: 'later' })
  t.strictSame(memory.find('general', ANN, '2'), { result: 'anew' })
  time.pass(1)
  t.equal(memory.find('other', ANN, '1'), undefined)
  t.strictSame(memory.find('general', ANN, '2'), { result: 'anew' })
  t.end()
})

t.test('what cannot be remembered is refused, and what is remembered is still known', (t) => {
  const time = new FakeTime(t)
  const memory = new DedupeMemory(2)
  for (const key of ['a', 'b']) memory.remember('general', { scope: 'ann', key }, '1', key)
  t.throws(() => memory.find('general', { scope: 'ann', key: 'c' }, '1'), new BrokerError('unavailable'))
  t.strictSame(memory.find('general', { scope: 'ann', key: 'b' }, '1'), { result: 'b' })
  time.pass(KEY_TTL_MS)
  t.equal(memory.find('general', { scope: 'ann', key: 'c' }, '1'), undefined)
  t.end()
})
