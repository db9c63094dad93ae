import t from 'tap'
import { backoffMs } from '../../../src/webhooks/backoff.ts'

const MAX_MS = 60_000

t.test('the longest rest doubles with each failure, up to the most', async (t) => {
  const longest = [1, 2, 3, 4, 5, 6, 7, 8, 1_000_000].map((tries) => backoffMs({ tries, maxMs: MAX_MS, random: 1 }))
  t.strictSame(longest, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
})

t.test('it is spread over all of that, but is never nothing', async (t) => {
  t.strictSame([0, 0.5, 1].map((random) => backoffMs({ tries: 4, maxMs: MAX_MS, random })), [100, 4_000, 8_000])
})

t.test('what the target asks for is honoured, up to the most', async (t) => {
  const rest = (retryAfterMs: number): number => backoffMs({ tries: 4, maxMs: MAX_MS, retryAfterMs, random: 0.5 })
  t.strictSame([0, 3_000, 5_000, 86_400_000, Infinity].map(rest), [4_000, 4_000, 5_000, 60_000, 60_000])
})
