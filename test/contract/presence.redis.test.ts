import t from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { redisWorld } from '../helpers/replicas.ts'
import { presenceContract } from './presence.contract.ts'
import { holds } from './contract.ts'

const redis = await RedisServer.start()
t.teardown(() => redis.stop())
holds(t, presenceContract, redisWorld(redis))
