import t from 'tap'
import { Gate } from '../../../src/session/gate.ts'
import { turn } from '../fakes.ts'

/** A gate, and those who came to it: it writes down who is in. */
function world (size: number) {
  const gate = new Gate(size)
  const entered: number[] = []
  const come = (...who: readonly number[]): void => {
    for (const one of who) void Promise.resolve(gate.enter()).then(() => { entered.push(one) })
  }
  return { gate, entered, come }
}

t.test('as many as there are places enter at once', async (t) => {
  const { entered, come } = world(3)
  come(1, 2, 3)
  await turn()
  t.strictSame(entered, [1, 2, 3])
})

t.test('the others wait, and enter one for each that leaves, in the order in which they came', async (t) => {
  const { gate, entered, come } = world(2)
  come(1, 2, 3, 4, 5)
  await turn()
  t.strictSame(entered, [1, 2])
  gate.leave()
  await turn()
  t.strictSame(entered, [1, 2, 3])
  come(6)
  gate.leave()
  gate.leave()
  await turn()
  t.strictSame(entered, [1, 2, 3, 4, 5])
  gate.leave()
  await turn()
  t.strictSame(entered, [1, 2, 3, 4, 5, 6])
})

t.test('a place that nobody waited for is free again, and no more than that', async (t) => {
  const { gate, entered, come } = world(1)
  for (const one of [1, 2]) {
    come(one)
    gate.leave()
  }
  await turn()
  come(3, 4)
  await turn()
  t.strictSame(entered, [1, 2, 3])
})
