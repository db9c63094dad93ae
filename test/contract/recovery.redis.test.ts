import { randomBytes } from 'node:crypto'
import t from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { startGateway } from '../helpers/gateway.ts'
import { recovers } from './recovery.contract.ts'

const redis = await RedisServer.start()
t.teardown(() => redis.stop())

recovers(t, async (test, settings) => {
  const env = { ...settings, REDIS_URL: redis.url, REDIS_PREFIX: `t${randomBytes(6).toString('hex')}:` }
  const [a, b] = await Promise.all(['gw-a', 'gw-b'].map((REPLICA) => startGateway(test, { ...env, REPLICA })))
  return { a: a!.ws, b: b!.ws, http: a!.http }
})
