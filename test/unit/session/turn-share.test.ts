import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { TurnShare } from '../../../src/session/turn-share.ts'

/** Reads a page of the past; tells in `told` when it was. */
async function read (share: TurnShare, bytes: number, told: () => void): Promise<void> {
  await share.enter()
  told()
  share.spend(bytes)
}

t.test('what is little is told in the turn in which it is asked for', async (t) => {
  const share = new TurnShare()
  let told = 0
  for (let n = 0; n < 100; n++) void read(share, 600, () => told++)
  let turns = 0
  setImmediate(() => turns++)
  for (let n = 0; n < 300; n++) await Promise.resolve()
  t.strictSame({ told, turns }, { told: 100, turns: 0 })
})

t.test('of what is much one page is told in a turn, in the order in which they were asked for', async (t) => {
  const share = new TurnShare()
  const order: number[] = []
  for (let n = 0; n < 8; n++) void read(share, 200_000, () => order.push(n))
  const perTurn: number[] = []
  for (let before = 0; order.length < 8; before = order.length) {
    for (let n = 0; n < 100; n++) await Promise.resolve()
    perTurn.push(order.length - before)
    await nextTurn()
  }
  t.equal(Math.max(...perTurn), 1)
  t.strictSame(order, [0, 1, 2, 3, 4, 5, 6, 7])
})

t.test('little that waits behind much is told together', async (t) => {
  const share = new TurnShare()
  let told = 0
  void read(share, 1_000_000, () => {})
  await Promise.resolve()
  for (let n = 0; n < 100; n++) void read(share, 100, () => told++)
  await Promise.resolve()
  t.equal(told, 0)
  await nextTurn()
  await nextTurn()
  t.equal(told, 100)
})

t.test('who has entered and then tells nothing keeps nobody out', async (t) => {
  const share = new TurnShare()
  share.spend(1_000_000)
  let entered = 0
  await Promise.all([1, 2, 3].map(async () => {
    await share.enter()
    entered++
  }))
  t.equal(entered, 3)
})
