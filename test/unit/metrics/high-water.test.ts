import t from 'tap'
import { HighWater } from '../../../src/metrics/high-water.ts'

t.test('the highest is told for a minute at least, to whoever asks, and forgotten after two', async (t) => {
  let nowMs = 0
  const counts = { highWaterBytes: 100 }
  const highWater = new HighWater(counts, () => nowMs)
  t.equal(highWater.read(), 100)
  t.equal(highWater.read(), 100, 'reading takes nothing away')
  nowMs = 60_000
  t.equal(highWater.read(), 100)
  counts.highWaterBytes = 7
  t.equal(highWater.read(), 100, 'of the minute before')
  nowMs = 120_000
  t.equal(highWater.read(), 100)
  t.equal(highWater.read(), 7)
})
