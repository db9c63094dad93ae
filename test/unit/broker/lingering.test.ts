import t from 'tap'
import { Lingering } from '../../../src/broker/lingering.ts'
import { FakeTime } from '../fakes.ts'

t.test('what was left first is given up first, each in its own time, and no timer is left', (t) => {
  const time = new FakeTime(t)
  const gone: string[] = []
  const lingering = new Lingering(100, (name) => gone.push(name))
  lingering.leave('a')
  time.pass(40)
  lingering.leave('b')
  t.equal(lingering.oldest, 'a')
  t.equal(time.timers, 1, 'one for both')
  time.pass(59)
  t.strictSame(gone, [])
  time.pass(1)
  t.strictSame(gone, ['a'])
  time.pass(39)
  t.strictSame(gone, ['a'])
  time.pass(1)
  t.strictSame(gone, ['a', 'b'])
  t.equal(lingering.oldest, undefined)
  t.equal(time.timers, 0)
  lingering.leave('c')
  time.pass(100)
  t.strictSame(gone, ['a', 'b', 'c'], 'and it begins anew')
  t.end()
})

t.test('what is taken up again stays; left once more, it lasts from then on', (t) => {
  const time = new FakeTime(t)
  const gone: string[] = []
  const lingering = new Lingering(100, (name) => gone.push(name))
  lingering.leave('a')
  lingering.leave('b')
  lingering.takeUp('a')
  time.pass(60)
  lingering.leave('a')
  lingering.leave('b')
  time.pass(99)
  t.strictSame(gone, [])
  time.pass(1)
  t.strictSame(gone, ['a', 'b'])
  lingering.leave('c')
  lingering.stop()
  time.pass(1_000)
  t.strictSame(gone, ['a', 'b'])
  t.equal(time.timers, 0)
  t.end()
})

t.test('thousands that were left at once are given up in turns, and hold up nobody', (t) => {
  const turns: Array<() => void> = []
  t.capture(globalThis, 'setTimeout', ((run: () => void) => turns.push(run)) as never)
  let gone = 0
  const lingering = new Lingering(0, () => { gone++ })
  for (let n = 0; n < 1_000; n++) lingering.leave(`r${n}`)
  let count = 0
  for (let run = turns.shift(); run !== undefined; run = turns.shift()) {
    const before = gone
    run()
    count++
    t.ok(gone - before <= 16 && gone > before, 'a few a turn')
  }
  t.equal(gone, 1_000)
  t.equal(count, 63)
  t.end()
})
