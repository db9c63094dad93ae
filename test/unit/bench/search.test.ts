import t from 'tap'
import { searchRate } from '../../../bench/suite/search.ts'

function found (first: number, holds: (rate: number, tries: number) => boolean): { rate: number, tries: number } {
  const search = searchRate(first)
  let tries = 0
  let next = search.next()
  while (next.done !== true) next = search.next(holds(next.value, tries++))
  return { rate: next.value, tries }
}

t.test('it finds the highest rate that holds, from below and from above, in a bounded number of windows', async (t) => {
  for (const first of [400, 700, 1_000, 1_500, 2_500]) {
    const { rate, tries } = found(first, (rate) => rate <= 1_000)
    t.ok(rate <= 1_000 && rate > 900, `from ${first}: ${rate}`)
    t.ok(tries <= 20)
  }
})

t.test('one bad window is forgiven, two are not', async (t) => {
  let failures = 0
  const { rate } = found(700, (rate) => rate <= 1_000 && (rate < 900 || failures++ % 2 === 1))
  t.ok(rate > 900)
})

t.test('where none holds it ends with 0', async (t) => {
  t.equal(found(1_000, () => false).rate, 0)
})
