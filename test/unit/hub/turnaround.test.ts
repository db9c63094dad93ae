import t from 'tap'
import { Latency } from '../../../src/hub/latency.ts'
import { Flusher } from '../../../src/hub/flusher.ts'
import { SendQueue } from '../../../src/hub/send-queue.ts'
import { Turnaround } from '../../../src/hub/turnaround.ts'
import { FakeOutlet, FakeTime, turn } from '../fakes.ts'

function total ({ latency }: Turnaround): number {
  return latency.counts.reduce((sum, count) => sum + count, 0)
}

t.test('a latency counts in the bucket that it just fits into; the last has no bound', async (t) => {
  const latency = new Latency()
  for (const ms of [0, 0.5, 0.6, 5_000, 5_001]) latency.observe(ms)
  t.strictSame([...latency.counts], [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
  t.equal(latency.sumMs, 10_002.1)
})

t.test('a message is measured until what was queued for its members is written', async (t) => {
  const time = new FakeTime(t)
  const flusher = new Flusher()
  const turnaround = new Turnaround(flusher)
  const queue = new SendQueue(new FakeOutlet(), flusher, 100, { onFull: () => {}, onDrained: () => {} })
  turnaround.begin('a')
  time.pass(3)
  queue.push(Buffer.from('x'))
  turnaround.heard('a')
  turnaround.heard('a')
  t.equal(total(turnaround), 0)
  time.pass(4)
  await turn()
  t.equal(total(turnaround), 1)
  t.equal(turnaround.latency.sumMs, 7)
})

t.test('the first of each eight is measured, where it is heard, and not where it was not stored', async (t) => {
  const turnaround = new Turnaround(new Flusher())
  for (let n = 0; n < 17; n++) turnaround.begin(`id-${n}`)
  turnaround.forget('id-8')
  for (let n = 0; n < 17; n++) turnaround.heard(`id-${n}`)
  t.equal(total(turnaround), 2)
})

t.test('what is never heard is forgotten when there is more of it than is kept', async (t) => {
  const turnaround = new Turnaround(new Flusher())
  for (let n = 0; n < 8 * 300; n++) turnaround.begin(`id-${n}`)
  turnaround.heard('id-0')
  t.equal(total(turnaround), 0)
  turnaround.heard('id-2392')
  t.equal(total(turnaround), 1)
})
