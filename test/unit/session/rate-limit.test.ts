import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Strikes, TokenBucket } from '../../../src/session/rate-limit.ts'

/** A clock that is set by hand. */
function clock (): { nowMs: number, now: () => number } {
  const time = { nowMs: 5_000, now: () => time.nowMs }
  return time
}

function takes (bucket: TokenBucket, count: number): number[] {
  return Array.from({ length: count }, () => bucket.take())
}

t.test('a burst passes at once, and the next request waits for its token', (t) => {
  const bucket = new TokenBucket(50, 3, clock().now)
  t.strictSame(takes(bucket, 5), [0, 0, 0, 20, 20])
  t.end()
})

t.test('tokens come at the rate', (t) => {
  const time = clock()
  const bucket = new TokenBucket(50, 3, time.now)
  takes(bucket, 3)
  time.nowMs += 15
  t.equal(bucket.take(), 5)
  time.nowMs += 5
  t.strictSame(takes(bucket, 2), [0, 20])
  time.nowMs += 40
  t.strictSame(takes(bucket, 3), [0, 0, 20])
  t.end()
})

t.test('however long nothing comes, no more than a burst is saved up', (t) => {
  const time = clock()
  const bucket = new TokenBucket(50, 3, time.now)
  time.nowMs += 1_000_000
  t.strictSame(takes(bucket, 4), [0, 0, 0, 20])
  t.end()
})

t.test('a refused request takes no token', (t) => {
  const time = clock()
  const bucket = new TokenBucket(1, 1, time.now)
  takes(bucket, 100)
  time.nowMs += 1_000
  t.equal(bucket.take(), 0)
  t.end()
})

t.test('an infinite rate is no limit', (t) => {
  const bucket = new TokenBucket(Infinity, Infinity, clock().now)
  t.ok(takes(bucket, 10_000).every((waitMs) => waitMs === 0))
  t.end()
})

t.test('over any time no more pass than the burst and the rate allow', (t) => {
  const rate = fc.integer({ min: 1, max: 1_000 })
  fc.assert(fc.property(rate, fc.integer({ min: 1, max: 50 }), fc.array(fc.nat(300)), (perSecond, burst, pauses) => {
    const time = clock()
    const bucket = new TokenBucket(perSecond, burst, time.now)
    let passed = 0
    for (const ms of pauses) {
      time.nowMs += ms
      if (bucket.take() === 0) passed++
    }
    assert.ok(passed <= burst + (time.nowMs - 5_000) * perSecond / 1_000 + 1e-6)
  }))
  t.end()
})

t.test('who waits as long as told passes, and is not told to wait for more than one token', (t) => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 1_000 }), fc.array(fc.nat(50)), (perSecond, pauses) => {
    const time = clock()
    const bucket = new TokenBucket(perSecond, 1, time.now)
    for (const ms of pauses) {
      time.nowMs += ms
      const waitMs = bucket.take()
      assert.ok(waitMs <= Math.ceil(1_000 / perSecond))
      time.nowMs += waitMs
      if (waitMs > 0) assert.equal(bucket.take(), 0)
    }
  }))
  t.end()
})

t.test('strikes are too many when there are more than the maximum', (t) => {
  const strikes = new Strikes(3, 1_000, clock().now)
  t.strictSame([1, 2, 3, 4, 5].map(() => strikes.add()), [false, false, false, true, true])
  t.end()
})

t.test('a strike is forgotten when the window has passed it by', (t) => {
  const time = clock()
  const strikes = new Strikes(1, 1_000, time.now)
  strikes.add()
  time.nowMs += 999
  t.ok(strikes.add())
  time.nowMs += 999
  t.ok(strikes.add(), 'the window slides: it does not begin anew')
  time.nowMs += 1_000
  t.notOk(strikes.add())
  t.end()
})
