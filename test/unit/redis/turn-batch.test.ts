import t from 'tap'
import { TurnBatch } from '../../../src/redis/turn-batch.ts'
import { FakeTime, turn } from '../fakes.ts'

t.test('what is asked in one turn is carried out together, in its order; the next turn is another', async (t) => {
  const runs: string[][] = []
  const batch = new TurnBatch<string, string>(async (asks) => {
    runs.push([...asks])
    return asks.map((ask) => ask.toUpperCase())
  }, 10)
  const answers = Promise.all(['a', 'b', 'c'].map((ask) => batch.add(ask)))
  t.strictSame(runs, [], 'not in the turn itself')
  t.strictSame(await answers, ['A', 'B', 'C'])
  t.equal(await batch.add('d'), 'D')
  t.strictSame(runs, [['a', 'b', 'c'], ['d']])
})

t.test('no more than so many at once', async (t) => {
  const sizes: number[] = []
  const batch = new TurnBatch<number, number>(async (asks) => {
    sizes.push(asks.length)
    return [...asks]
  }, 4)
  const asked = Array.from({ length: 10 }, (_, n) => n)
  t.strictSame(await Promise.all(asked.map((n) => batch.add(n))), asked)
  t.strictSame(sizes, [4, 4, 2])
})

t.test('who fails alone is told so alone; what fails as a whole is told to all', async (t) => {
  const some = new TurnBatch<number, number>(async (asks) => asks.map((n) => n === 2 ? new Error('two') : n), 10)
  const outcomes = await Promise.allSettled([1, 2, 3].map((n) => some.add(n)))
  t.match(outcomes, [{ value: 1 }, { reason: { message: 'two' } }, { value: 3 }])
  const none = new TurnBatch<number, number>(async () => { throw new Error('away') }, 10)
  const refused = await Promise.allSettled([none.add(1), none.add(2)])
  t.strictSame(refused.map(({ status }) => status), ['rejected', 'rejected'])
})

/** A batch whose commands are answered by hand. */
function byHand (
  maxAsks = 10, gapMs = 0
): { batch: TurnBatch<number, number>, runs: number[][], answer: Array<() => void> } {
  const runs: number[][] = []
  const answer: Array<() => void> = []
  const batch = new TurnBatch<number, number>(async (asks) => {
    runs.push([...asks])
    await new Promise<void>((resolve) => { answer.push(resolve) })
    return [...asks]
  }, maxAsks, gapMs)
  return { batch, runs, answer }
}

t.test('while an earlier command waits for its answer, what comes is gathered', async (t) => {
  const time = new FakeTime(t)
  const { batch, runs, answer } = byHand()
  const first = batch.add(1)
  await turn()
  const second = batch.add(2)
  await turn()
  const third = batch.add(3)
  await turn()
  t.strictSame(runs, [[1]])
  t.equal(time.timers, 1)
  answer[0]!()
  t.equal(await first, 1)
  await turn()
  t.strictSame(runs, [[1], [2, 3]])
  answer[1]!()
  t.strictSame(await Promise.all([second, third]), [2, 3])
})

t.test('for no longer than 2 ms', async (t) => {
  const time = new FakeTime(t)
  const { batch, runs, answer } = byHand()
  void batch.add(1)
  await turn()
  const second = batch.add(2)
  await turn()
  time.pass(1)
  t.strictSame(runs, [[1]])
  time.pass(1)
  t.strictSame(runs, [[1], [2]])
  answer[1]!()
  t.equal(await second, 2, 'though the first is still under way')
  answer[0]!()
  await turn()
  t.equal(time.timers, 0)
})

t.test('and no more than fits into one command', async (t) => {
  const time = new FakeTime(t)
  const { batch, runs } = byHand(2)
  void batch.add(1)
  await turn()
  void batch.add(2)
  void batch.add(3)
  await turn()
  t.strictSame(runs, [[1], [2, 3]])
  t.equal(time.timers, 0)
})

t.test('with a gap what follows a command closely waits for the next, and what comes later does not', async (t) => {
  const time = new FakeTime(t)
  const { batch, runs, answer } = byHand(10, 1)
  const first = batch.add(1)
  await turn()
  answer[0]!()
  await first
  void batch.add(2)
  await turn()
  void batch.add(3)
  await turn()
  t.strictSame(runs, [[1]])
  time.pass(1)
  t.strictSame(runs, [[1], [2, 3]])
  answer[1]!()
  time.pass(1)
  void batch.add(4)
  await turn()
  t.strictSame(runs, [[1], [2, 3], [4]])
  t.equal(time.timers, 0)
})
