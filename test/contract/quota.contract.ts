import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import type { Quota } from '../../src/quota/quota.ts'
import { eventually } from '../../cluster/until.ts'

/** What every Quota must do. @param make two replicas' ports to the same counters */
export function quotaContract (t: Test, make: (t: Test) => Promise<readonly [Quota, Quota]>): void {
  const name = (): string => `user:${randomBytes(6).toString('hex')}`

  t.test('what replicas count adds up, each name for itself', async (t) => {
    const [a, b] = await make(t)
    const [ann, bob] = [name(), name()]
    t.match(await a.add(ann, 3, 60_000), { count: 3 })
    t.match(await b.add(ann, 4, 60_000), { count: 7 })
    t.match(await b.add(bob, 1, 60_000), { count: 1 })
  })

  t.test('the window begins with the first that is counted, and does not slide', async (t) => {
    const [a, b] = await make(t)
    const ann = name()
    const { leftMs } = await a.add(ann, 1, 1_000)
    t.ok(leftMs > 500 && leftMs <= 1_000, `${leftMs} ms`)
    const later = await b.add(ann, 1, 60_000)
    t.ok(later.leftMs <= leftMs, `${later.leftMs} ms`)
  })

  t.test('when the window ends all that is in it is forgotten', async (t) => {
    const [a] = await make(t)
    const ann = name()
    await a.add(ann, 100, 50)
    await eventually('a new window', async () => (await a.add(ann, 1, 50)).count < 100)
  })
}
