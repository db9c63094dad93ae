import t from 'tap'
import { PastPace } from '../../../src/session/past-pace.ts'
import { FakeTime } from '../fakes.ts'

const ANN = { isClosed: false }
const settled = async (): Promise<void> => { for (let n = 0; n < 100; n++) await Promise.resolve() }

t.test('what is little is told when it is asked for', async (t) => {
  t.capture(performance, 'now', () => 1_000)
  const pace = new PastPace()
  t.equal(pace.take(600, ANN), undefined)
  for (let n = 0; n < 99; n++) t.equal(pace.take(600, ANN), undefined)
})

t.test('of what is much one page is told in 4 ms, in the order in which they were asked for', async (t) => {
  const time = new FakeTime(t)
  const pace = new PastPace()
  const told: Array<{ n: number, ms: number }> = []
  const begunMs = time.nowMs
  for (let n = 0; n < 5; n++) {
    const ask = async (): Promise<void> => {
      await pace.take(262_144, ANN)
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
  void pace.take(1_048_576, ANN)
  for (let n = 0; n < 100; n++) void pace.take(100, ANN)?.then(() => told++)
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
  t.equal(pace.take(65_536, ANN), undefined)
  time.pass(60_000)
  t.equal(pace.take(65_537, ANN), undefined)
  t.type(pace.take(1, ANN), Promise)
  time.pass(1)
})

t.test('those that wait are told in turns: who asks for a little does not wait for all that others want', async (t) => {
  const time = new FakeTime(t)
  const pace = new PastPace()
  const told: string[] = []
  const ask = (name: string, who: { isClosed: boolean }, bytes: number): void => {
    void (pace.take(bytes, who) ?? Promise.resolve()).then(() => told.push(name))
  }
  const many = Array.from({ length: 10 }, (_, n) => ({ name: `m${n}`, isClosed: false }))
  for (const who of many) for (let n = 0; n < 4; n++) ask(who.name, who, 1_048_576)
  ask('little', ANN, 1_000)
  for (let ms = 0; ms < 40; ms++) {
    time.pass(1)
    await settled()
  }
  t.ok(told.includes('little'), `told within 40 ms, and not within the 640 ms that the others want: ${told.join()}`)
  for (let ms = 40; ms < 660; ms++) {
    time.pass(1)
    await settled()
  }
  t.equal(told.length, 41, 'and all the others in the end')
  t.equal(new Set(told.slice(0, 12)).size, 11, 'each of them once, before any is told a third time')
  t.equal(pace.size, 0)
})

t.test('who has gone is waited for by nobody', async (t) => {
  const time = new FakeTime(t)
  const pace = new PastPace()
  const gone = Array.from({ length: 100 }, () => ({ isClosed: false }))
  let ended = 0
  for (const who of gone) for (let n = 0; n < 4; n++) void pace.take(1_048_576, who)?.then(() => ended++)
  for (const who of gone) who.isClosed = true
  let isTold = false
  void pace.take(262_144, ANN)?.then(() => { isTold = true })
  time.pass(16)
  time.pass(4)
  await settled()
  t.ok(isTold)
  t.equal(ended, 399, 'what they waited for goes on, to its end')
  t.equal(pace.size, 0)
  t.equal(time.timers, 0)
})
