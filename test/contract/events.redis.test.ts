import t from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { redisWorld } from '../helpers/replicas.ts'
import { holds } from './contract.ts'
import { eventsContract } from './events.contract.ts'

const redis = await RedisServer.start()
t.teardown(() => redis.stop())
holds(t, eventsContract, redisWorld(redis))
