import t from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { redisWorld } from '../helpers/replicas.ts'
import { positionContract } from './position.contract.ts'
import { holds } from './contract.ts'

const redis = await RedisServer.start()
t.teardown(() => redis.stop())
holds(t, positionContract, redisWorld(redis))
