import t from 'tap'
import { PastPace } from '../../../src/session/past-pace.ts'
import { FakeTime } from '../fakes.ts'

const settled = async (): Promise<void> => { for (let n = 0; n < 100; n++) await Promise.resolve() }

t.test('what is little is told when it is asked for', async (t) => {
  t.capture(performance, 'now', () => 1_000)
  const pace = new PastPace()
  t.equal(pace.take(600), undefined)
  for (let n = 0; n < 99; n++) t.equal(pace.take(600), undefined)
})

t.test('of what is much one page is told in 4 ms, in the order in which they were asked for', async (t) => {
  const time = new FakeTime(t)
  const pace = new PastPace()
  const told: Array<{ n: number, ms: number }> = []
  const begunMs = time.nowMs
  for (let n = 0; n < 5; n++) {
    const ask = async (): Promise<void> => {
      await pace.take(262_144)
      told.push({ n, ms: time.nowMs - begunMs })
    }
    void ask()
  }
  for (let ms = 0; ms < 20; ms++) {
    await settled()
    time.pass(1)
  }
  // The burst is one of a millisecond.
  t.strictSame(told, [{ n: 0, ms: 0 }, { n: 1, ms: 3 }, { n: 2, ms: 7 }, { n: 3, ms: 11 }, { n: 4, ms: 15 }])
  t.equal(time.timers, 0, 'nobody waits any more')
})

t.test('little that waits behind much is told together', async (t) => {
  const time = new FakeTime(t)
  const pace = new PastPace()
  let told = 0
  void pace.take(1_048_576)
  for (let n = 0; n < 100; n++) void pace.take(100)?.then(() => told++)
  await settled()
  t.equal(told, 0)
  time.pass(14)
  await settled()
  t.equal(told, 0)
  time.pass(1)
  time.pass(1)
  await settled()
  t.equal(told, 100)
})

t.test('a time in which nobody asks is not saved up', async (t) => {
  const time = new FakeTime(t)
  const pace = new PastPace()
  t.equal(pace.take(65_536), undefined)
  time.pass(60_000)
  t.equal(pace.take(65_537), undefined)
  t.type(pace.take(1), Promise)
  time.pass(1)
})
