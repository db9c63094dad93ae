import t from 'tap'
import { MemoryQuota } from '../../../src/quota/memory.ts'
import { Allowance } from '../../../src/session/allowance.ts'
import type { SessionLimits } from '../../../src/session/services.ts'
import { UserRates } from '../../../src/session/user-rates.ts'

const FREE: SessionLimits = {
  maxMessageBytes: 1_000,
  sendQueueBytes: 1_000,
  stallTimeoutMs: 0,
  maxRooms: Infinity,
  maxRoomsPerConnection: 1,
  requestsPerSecond: Infinity,
  publishesPerSecond: Infinity,
  bytesPerSecond: Infinity,
  pingIntervalMs: 0
}

function passes (allowance: Allowance, tries: number, bytes: number, isPublish: boolean): number {
  const outcomes = Array.from({ length: tries }, () => allowance.refuse(bytes, isPublish))
  return outcomes.filter((refused) => refused === undefined).length
}

t.test('requests, publishes and bytes each have a limit, with bursts of twice as many', async (t) => {
  const now = (): number => 0
  t.equal(passes(new Allowance(FREE, now, 'ann', undefined), 1_000, 1_000, true), 1_000)
  t.equal(passes(new Allowance({ ...FREE, requestsPerSecond: 5 }, now, 'ann', undefined), 100, 1, false), 10)
  const publishes = new Allowance({ ...FREE, publishesPerSecond: 5 }, now, 'ann', undefined)
  t.equal(passes(publishes, 100, 1, true), 10)
  t.equal(passes(publishes, 100, 1, false), 100, 'what is no publish goes on')
  t.equal(passes(new Allowance({ ...FREE, bytesPerSecond: 1_000 }, now, 'ann', undefined), 100, 500, false), 4)
})

t.test('the largest message can be sent, however low the rate of bytes', async (t) => {
  let nowMs = 0
  const allowance = new Allowance({ ...FREE, bytesPerSecond: 100 }, () => nowMs, 'ann', undefined)
  t.equal(allowance.refuse(1_000, true), undefined)
  t.match(allowance.refuse(1_000, true), { reason: 'rate_limited', message: 'too many bytes', retryAfterMs: 10_000 })
  nowMs = 10_000
  t.equal(allowance.refuse(1_000, true), undefined)
})

t.test('what a user may publish holds for all connections together', async (t) => {
  const users = new UserRates(new MemoryQuota(() => 0), 5, () => 0)
  const tabs = Array.from({ length: 3 }, () => new Allowance(FREE, () => 0, 'ann', users))
  let passed = 0
  for (let n = 0; n < 60; n++) {
    if (tabs[n % 3]!.refuse(1, true) === undefined) passed++
    await new Promise((resolve) => { setImmediate(resolve) })
  }
  t.equal(passed, 10)
  t.match(tabs[0]!.refuse(1, true), { message: 'too many publishes of this user, all connections together' })
  t.equal(tabs[0]!.refuse(1, false), undefined, 'only publishes are held')
})

t.test('who goes on over the limit is stubborn after 200 refusals within 10 s', async (t) => {
  let nowMs = 0
  const allowance = new Allowance(FREE, () => nowMs, 'ann', undefined)
  for (let n = 0; n < 200; n++) t.notOk(allowance.isStubborn())
  nowMs = 9_999
  t.ok(allowance.isStubborn())
  nowMs = 30_000
  t.notOk(allowance.isStubborn())
})
