import { randomBytes } from 'node:crypto'
import t from 'tap'
import { RedisQuota } from '../../src/quota/redis.ts'
import { RedisConnections } from '../../src/redis/connections.ts'
import { Keys } from '../../src/redis/keys.ts'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { quotaContract } from './quota.contract.ts'

const redis = await RedisServer.start()
t.teardown(() => redis.stop())

quotaContract(t, async (t) => {
  const silent = { info: () => {}, warn: () => {}, error: () => {} }
  const keys = new Keys(`test-${randomBytes(6).toString('hex')}:`)
  const make = async (name: string): Promise<RedisQuota> => {
    const connections = new RedisConnections({ url: redis.url }, name, silent)
    connections.start()
    t.teardown(() => connections.stop())
    await eventually('Redis is connected', async () => connections.isReady)
    return new RedisQuota(connections, keys)
  }
  return [await make('a'), await make('b')]
})
