import { NOW } from './scripts.ts'

/** The Lua of which replicas there are: `replicas`, a hash of an id to `<when it counts as gone, in ms> <report>`. */

/** KEYS replicas · ARGV id, report (nothing: it is gone), goneAfterMs */
export const TELL_REPLICA_SCRIPT = `${NOW}
local id, report, goneAfterMs = ARGV[1], ARGV[2], tonumber(ARGV[3])
if report == '' then return redis.call('HDEL', KEYS[1], id) end
redis.call('HSET', KEYS[1], id, int(nowMs() + goneAfterMs) .. ' ' .. report)
redis.call('PEXPIRE', KEYS[1], goneAfterMs)
`

/** KEYS replicas → the reports of those that live; the others are forgotten. */
export const LIST_REPLICAS_SCRIPT = `${NOW}
local now, live = nowMs(), {}
local all = redis.call('HGETALL', KEYS[1])
for at = 1, #all, 2 do
  local goneMs, report = string.match(all[at + 1], '^(%d+) (.*)$')
  if tonumber(goneMs) > now then live[#live + 1] = report else redis.call('HDEL', KEYS[1], all[at]) end
end
return live
`
