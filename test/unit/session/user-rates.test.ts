import t from 'tap'
import { BrokerError } from '../../../src/protocol/codes.ts'
import { MemoryQuota } from '../../../src/quota/memory.ts'
import type { Quota } from '../../../src/quota/quota.ts'
import { UserRates } from '../../../src/session/user-rates.ts'

/** Counts what is asked of it. */
class Watched implements Quota {
  asked = 0
  readonly #quota: Quota
  constructor (quota: Quota) { this.#quota = quota }
  async add (...ask: Parameters<Quota['add']>): ReturnType<Quota['add']> {
    this.asked++
    return await this.#quota.add(...ask)
  }
}

/** Everything that was asked of Redis has been answered. */
async function settled (): Promise<void> {
  await new Promise((resolve) => { setImmediate(resolve) })
}

t.test('a user passes at the rate, and is held until the window ends, on every replica', async (t) => {
  let nowMs = 0
  const now = (): number => nowMs
  const quota = new MemoryQuota(now)
  const [a, b] = [new UserRates(quota, 100, now), new UserRates(quota, 100, now)]
  let passed = 0
  for (let n = 0; n < 1_000; n++) {
    if ((n % 2 === 0 ? a : b).take('ann') === 0) passed++
    await settled()
  }
  t.equal(passed, 200 + 10, 'two seconds\' worth, and the batch that was not told of yet')
  t.equal(a.take('ann'), 2_000)
  t.equal(b.take('bob'), 0, 'others are not held')
  nowMs = 2_000
  t.equal(a.take('ann'), 0)
  t.equal(b.take('ann'), 0)
})

t.test('a replica that has heard nothing is ahead by one batch at most', async (t) => {
  const quota = new MemoryQuota(() => 0)
  const replicas = Array.from({ length: 3 }, () => new UserRates(quota, 100, () => 0))
  let passed = 0
  for (let n = 0; n < 3_000; n++) {
    if (replicas[n % 3]!.take('ann') === 0) passed++
    await settled()
  }
  t.ok(passed >= 200 && passed < 200 + 3 * 10, `${passed} of 200`)
})

t.test('one step in Redis is for ten publishes, and none waits for it', async (t) => {
  const quota = new Watched(new MemoryQuota(() => 0))
  const rates = new UserRates(quota, 100, () => 0)
  for (let n = 0; n < 100; n++) rates.take('ann')
  t.equal(quota.asked, 10)
})

t.test('a low rate is counted one by one', async (t) => {
  const rates = new UserRates(new MemoryQuota(() => 0), 2, () => 0)
  const waits = []
  for (let n = 0; n < 6; n++) {
    waits.push(rates.take('ann'))
    await settled()
  }
  t.strictSame(waits, [0, 0, 0, 0, 2_000, 2_000])
})

t.test('while Redis is away, or has not answered yet, a replica holds a user to the rate by itself', async (t) => {
  const away: Quota = { add: async () => { throw new BrokerError('unavailable') } }
  const silent: Quota = { add: async () => await new Promise(() => {}) }
  for (const quota of [away, silent]) {
    let nowMs = 0
    const rates = new UserRates(quota, 100, () => nowMs)
    let passed = 0
    for (let n = 0; n < 1_000; n++) if (rates.take('ann') === 0) passed++
    t.equal(passed, 200, 'a burst of twice the rate')
    nowMs = 1_000
    for (let n = 0; n < 1_000; n++) if (rates.take('ann') === 0) passed++
    t.equal(passed, 300)
    await settled()
  }
})

t.test('no limit asks nobody, and keeps nobody', async (t) => {
  const quota = new Watched(new MemoryQuota(() => 0))
  const rates = new UserRates(quota, Infinity, () => 0)
  for (let n = 0; n < 100; n++) t.equal(rates.take(`user-${n}`), 0)
  t.equal(quota.asked, 0)
  t.equal(rates.size, 0)
})

t.test('who publishes no more is forgotten after a while', async (t) => {
  let nowMs = 0
  const rates = new UserRates(new MemoryQuota(() => nowMs), 100, () => nowMs)
  rates.take('ann')
  nowMs = 9_000
  rates.take('bob')
  nowMs = 10_001
  rates.forget()
  t.equal(rates.size, 1)
})
