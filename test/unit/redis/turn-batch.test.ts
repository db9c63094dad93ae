import t from 'tap'
import { TurnBatch } from '../../../src/redis/turn-batch.ts'
import { turn } from '../fakes.ts'

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

t.test('while an earlier turn waits for its answer, the next does not wait for it', async (t) => {
  const pending: Array<() => void> = []
  const batch = new TurnBatch<number, number>(async (asks) => {
    await new Promise<void>((resolve) => { pending.push(resolve) })
    return [...asks]
  }, 10)
  const first = batch.add(1)
  await turn()
  const second = batch.add(2)
  await turn()
  t.equal(pending.length, 2)
  pending[1]!()
  t.equal(await second, 2)
  pending[0]!()
  t.equal(await first, 1)
})
