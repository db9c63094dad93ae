import type { Redis } from 'ioredis'
import type { Keys } from './keys.ts'

export type Command = readonly [name: string, ...rest: string[]]

// Of no room: names of rooms begin with a letter or a digit.
const NO_ROOM = '$acl'
const PUBLISHING = new Set([
  'EVAL', 'EVALSHA', 'PUBLISH', 'HGET', 'HMGET', 'HSET', 'XADD', 'XRANGE', 'GET', 'SET', 'DEL', 'EXISTS', 'PERSIST', 'PEXPIRE',
  'PTTL', 'TIME', 'PING'
])

/**
 * Every command that the gateway cannot do without, those inside its scripts too, with a key or a channel of ours;
 * deploy/redis/users.acl allows them. A test holds both against what Redis was asked in fact.
 */
export function commandsUsed (keys: Keys): Command[] {
  const key = keys.meta(NO_ROOM)
  const channel = keys.channel(NO_ROOM)
  const own = keys.probe(NO_ROOM)
  return [
    ['EVAL', '', '1', key], ['EVALSHA', '', '1', key],
    ['PUBLISH', channel, ''], ['PUBLISH', own, ''],
    ['SUBSCRIBE', channel], ['SUBSCRIBE', own], ['UNSUBSCRIBE', channel],
    ['HGET', key, ''], ['HMGET', key, ''], ['HSET', key, '', ''],
    ['XADD', key, '*', '', ''], ['XTRIM', key, 'MINID', '0'], ['XRANGE', key, '-', '+'], ['XREVRANGE', key, '+', '-'],
    ['HDEL', key, ''], ['HLEN', key], ['HKEYS', key], ['HGETALL', key],
    ['ZADD', keys.leases(), '0', ''], ['ZREM', keys.leases(), ''], ['ZCARD', keys.leases()], ['ZSCORE', keys.leases(), ''],
    ['ZRANGE', keys.leases(), '0', '-1'],
    ['ZRANGEBYSCORE', keys.leases(), '0', '1'], ['ZRANGEBYLEX', keys.roomsOf(NO_ROOM), '-', '+'],
    ['GET', key], ['SET', key, ''], ['INCRBY', keys.quota(NO_ROOM), '1'],
    ['DEL', key], ['EXISTS', key], ['PERSIST', key], ['PEXPIRE', key, '1'], ['PTTL', key],
    ['TIME'], ['PING']
  ]
}

/** What a publisher cannot do without: the part of the above that its scripts use. */
export function commandsToPublish (keys: Keys): Command[] {
  return commandsUsed(keys).filter((command) => PUBLISHING.has(command[0]) && command[1] !== keys.probe(NO_ROOM))
}

/**
 * ARGV commands, as JSON → those that this user may not run. Redis before 7 cannot tell, and says nothing.
 * https://redis.io/docs/latest/develop/programmability/lua-api/#redis.acl_check_cmd
 */
const DENIED_SCRIPT = `
local denied = {}
if not redis.acl_check_cmd then return denied end
for _, command in ipairs(cjson.decode(ARGV[1])) do
  local known, allowed = pcall(redis.acl_check_cmd, unpack(command))
  if known and not allowed then denied[#denied + 1] = command[1] .. ((command[2] or '') ~= '' and ' ' .. command[2] or '') end
end
return denied
`

/** What the Redis user of this connection may not do of these; undefined where Redis does not tell. */
export async function findDenied (redis: Redis, commands: readonly Command[]): Promise<string[] | undefined> {
  try {
    return await redis.call('EVAL', DENIED_SCRIPT, 0, JSON.stringify(commands)) as string[]
  } catch (error) {
    return (error as Error).message.startsWith('NOPERM') ? ['EVAL'] : undefined
  }
}
