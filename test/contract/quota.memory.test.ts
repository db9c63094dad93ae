import t from 'tap'
import { MemoryQuota } from '../../src/quota/memory.ts'
import { quotaContract } from './quota.contract.ts'

quotaContract(t, async () => {
  const quota = new MemoryQuota()
  return [quota, quota]
})

t.test('windows that have ended are not kept for ever', async (t) => {
  let nowMs = 0
  const quota = new MemoryQuota(() => nowMs)
  for (let n = 0; n < 30_000; n++) {
    nowMs++
    await quota.add(`http:${n}`, 1, 1_000)
  }
  t.ok(quota.size <= 10_001, `${quota.size} windows`)
})
