import t from 'tap'
import { SHED_SHARE, Shedder } from '../../../src/session/shedder.ts'

t.test('those who hold most go first, a twentieth at a time, and only while memory is short', (t) => {
  let nowMs = 0
  const closed: number[] = []
  const told: unknown[] = []
  const all = Array.from({ length: 40 }, (_, n) => ({
    queue: { queuedBytes: n === 7 ? 1_000_000 : 0 },
    members: { size: n === 30 ? 128 : 1 },
    close: () => { closed.push(n) }
  }))
  const shedder = new Shedder(() => all, () => nowMs, (...args) => { told.push(args) })
  shedder.check(SHED_SHARE - 0.01)
  t.strictSame(closed, [])
  shedder.check(SHED_SHARE)
  t.strictSame(closed, [7, 30])
  nowMs += 900
  shedder.check(1)
  t.equal(closed.length, 2, 'what they held is waited for')
  nowMs += 100
  shedder.check(1)
  t.equal(closed.length, 4)
  t.strictSame(told, [[2, SHED_SHARE], [2, 1]])
  t.end()
})
