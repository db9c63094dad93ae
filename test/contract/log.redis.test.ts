import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import t from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { redisWorld } from '../helpers/replicas.ts'
import { logContract } from './log.contract.ts'
import { holds } from './contract.ts'

const redis = await RedisServer.start()
t.teardown(() => redis.stop())
holds(t, logContract, redisWorld(redis))

t.test('where the meta of a room is lost but not its entries, the room begins anew', async () => {
  const { a, b, end } = await redisWorld(redis)()
  const room = `r${randomBytes(6).toString('hex')}`
  const admin = new Redis(redis.url)
  try {
    for (const content of ['1', '2', '3']) await a.log.append(room, { from: '"ann"', content })
    const { top: before } = await a.log.open(room, 10, 1_000_000)
    const [meta] = await admin.keys(`*{${room}}:m`)
    await admin.del(meta!)
    const { top, entries } = await b.log.open(room, 10, 1_000_000)
    assert.equal(top.seq, 0)
    assert.notEqual(top.epoch, before.epoch)
    assert.deepEqual(entries, [])
    const receipt = await a.log.append(room, { from: '"ann"', content: '4' })
    assert.ok(receipt !== 'key_reused')
    assert.equal(receipt.cursor.seq, 1)
    assert.equal((await a.log.after(room, before)).gap, 'epoch')
  } finally {
    admin.disconnect()
    await end()
  }
})

t.test('what is kept in Redis goes away by itself', async () => {
  const { a, end } = await redisWorld(redis)({ retention: { maxEntries: 5, maxAgeMs: 60_000, latestOnly: false } })
  const room = `r${randomBytes(6).toString('hex')}`
  const admin = new Redis(redis.url)
  try {
    await a.log.append(room, { from: '"ann"', content: '1', key: { scope: 'x', key: 'k' } })
    await a.log.open(`${room}-joined`, 0, 0)
    const ages = { s: 60_000, m: 86_400_000, 'k:1:x:k': 300_000, '-joined': 7_200_000 }
    const keys = await admin.keys(`*{${room}*`)
    assert.equal(keys.length, 4)
    for (const [name, ageMs] of Object.entries(ages)) {
      const key = keys.find((each) => each.includes(name.startsWith('-') ? `{${room}${name}}` : `{${room}}:${name}`))!
      const leftMs = await admin.pttl(key)
      assert.ok(leftMs > ageMs - 10_000 && leftMs <= ageMs, `${name}: ${leftMs} ms`)
    }
  } finally {
    admin.disconnect()
    await end()
  }
})
