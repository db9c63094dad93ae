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
  t.equal(time.timers, 1, 'one for both')
  time.pass(59)
  t.strictSame(gone, [])
  time.pass(1)
  t.strictSame(gone, ['a'])
  time.pass(39)
  t.strictSame(gone, ['a'])
  time.pass(1)
  t.strictSame(gone, ['a', 'b'])
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
  lingering.takeUp('c')
  time.pass(100)
  t.strictSame(gone, ['a', 'b'], 'and what is only taken up is not given up')
  lingering.leave('c')
  lingering.stop()
  time.pass(1_000)
  t.strictSame(gone, ['a', 'b'])
  t.equal(time.timers, 0)
  t.end()
})

t.test('the one that was left first can be given up before its time, and only once', (t) => {
  const time = new FakeTime(t)
  const gone: string[] = []
  const lingering = new Lingering(100, (name) => gone.push(name))
  t.equal(lingering.giveUpOldest(), false)
  for (const name of ['a', 'b', 'a']) lingering.leave(name)
  t.equal(lingering.giveUpOldest(), true)
  t.strictSame(gone, ['b'])
  time.pass(100)
  t.strictSame(gone, ['b', 'a'])
  t.equal(lingering.giveUpOldest(), false)
  t.end()
})

for (const { count, most, turns } of [
  { count: 1_000, most: 16, turns: 63 },
  { count: 20_000, most: 313, turns: 270 }
]) {
  t.test(`${count} that were left at once are given up in turns, and hold up nobody`, (t) => {
    const timers: Array<() => void> = []
    t.capture(globalThis, 'setTimeout', ((run: () => void) => timers.push(run)) as never)
    let gone = 0
    const lingering = new Lingering(0, () => { gone++ })
    for (let n = 0; n < count; n++) lingering.leave(`r${n}`)
    let taken = 0
    for (let run = timers.shift(); run !== undefined; run = timers.shift()) {
      const before = gone
      run()
      taken++
      t.ok(gone - before <= most && gone > before, 'a few a turn')
    }
    t.equal(gone, count)
    t.ok(taken <= turns, `of many more: ${taken} turns`)
    t.end()
  })
}
