import t from 'tap'
import { createHistogram } from '../../../bench/load/histogram.ts'
import { seeded } from '../../../bench/random.ts'

t.test('short durations are exact', async (t) => {
  const histogram = createHistogram()
  for (let us = 1; us <= 100; us++) histogram.record(us)
  t.equal(histogram.count, 100)
  t.equal(histogram.percentileUs(50), 50)
  t.equal(histogram.percentileUs(99), 99)
  t.equal(histogram.percentileUs(100), 100)
})

t.test('long ones are never told shorter, and at most 1.6 % longer', async (t) => {
  const random = seeded(1)
  for (let n = 0; n < 1_000; n++) {
    const us = Math.floor(2 ** (random() * 31))
    const histogram = createHistogram()
    histogram.record(us)
    const told = histogram.percentileUs(50)
    t.ok(told >= us && told <= us * 1.016, `${us} is told as ${told}`)
  }
})

t.test('percentiles are those of the sorted values', async (t) => {
  const random = seeded(2)
  const histogram = createHistogram()
  const values = Array.from({ length: 5_000 }, () => Math.floor(random() ** 4 * 1e6))
  for (const value of values) histogram.record(value)
  values.sort((a, b) => a - b)
  for (const percent of [1, 50, 90, 99, 99.9]) {
    const value = values[Math.ceil(values.length * percent / 100) - 1]!
    const told = histogram.percentileUs(percent)
    t.ok(told >= value && told <= value * 1.016, `${percent} %: ${value} is told as ${told}`)
  }
})

t.test('what is out of bounds is held at them; nothing is 0; it can be cleared', async (t) => {
  const histogram = createHistogram()
  t.equal(histogram.percentileUs(99), 0)
  histogram.record(-5)
  t.equal(histogram.percentileUs(100), 0)
  histogram.record(1e12)
  t.equal(histogram.percentileUs(100), 2 ** 31 - 1)
  histogram.clear()
  t.equal(histogram.count, 0)
  t.equal(histogram.percentileUs(99), 0)
})
