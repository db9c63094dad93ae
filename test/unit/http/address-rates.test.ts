import t from 'tap'
import { AddressRates } from '../../../src/http/address-rates.ts'

t.test('each address has its own burst and rate', async (t) => {
  let nowMs = 0
  const rates = new AddressRates(2, () => nowMs)
  t.strictSame([1, 2, 3, 4, 5].map(() => rates.take('a')), [0, 0, 0, 0, 500])
  t.equal(rates.take('b'), 0)
  nowMs = 500
  t.strictSame([rates.take('a'), rates.take('a')], [0, 500])
})

t.test('who has flooded waits until that is made up for, and nobody else does', async (t) => {
  let nowMs = 0
  const rates = new AddressRates(2, () => nowMs)
  rates.forfeit('a', 3)
  t.strictSame([1, 2].map(() => rates.take('a')), [0, 500])
  rates.forfeit('a', 2)
  nowMs = 1_000
  t.strictSame([rates.take('a'), rates.take('b')], [500, 0])
  nowMs = 1_500
  t.strictSame([rates.take('a'), rates.take('a')], [0, 500])
})

t.test('nobody owes more than a burst, and what is owed is not forgotten', async (t) => {
  let nowMs = 0
  const rates = new AddressRates(2, () => nowMs)
  rates.forfeit('a', 1_000)
  t.equal(rates.take('a'), 2_500)
  nowMs = 2_250
  t.equal(rates.take('a'), 250)
  nowMs = 2_500
  t.strictSame([rates.take('a'), rates.take('a')], [0, 500])
})

t.test('who goes on asking is not forgotten, and so gains nothing', async (t) => {
  let nowMs = 0
  const rates = new AddressRates(2, () => nowMs)
  let passed = 0
  for (; nowMs < 20_000; nowMs += 10) if (rates.take('a') === 0) passed++
  t.ok(passed <= 4 + 20 * 2, `${passed} in 20 s`)
})

t.test('addresses that are quiet are not kept', async (t) => {
  let nowMs = 0
  const rates = new AddressRates(2, () => nowMs)
  for (let n = 0; n < 100_000; n++) {
    nowMs += 1
    rates.take(`10.0.${n >> 8}.${n & 255}`)
  }
  t.ok(rates.size <= 8_001, `${rates.size} are kept`)
  nowMs += 10_000
  rates.take('a')
  t.equal(rates.size, 1)
})

t.test('without a limit nobody waits, and nobody is kept', async (t) => {
  const rates = new AddressRates(Infinity, () => 0)
  for (let n = 0; n < 1_000; n++) t.equal(rates.take('a'), 0)
  t.equal(rates.size, 0)
})
