import { NOW } from './scripts.ts'
import { RECORD } from './webhook-scripts.ts'

/**
 * The Lua of who is in which room. Of all replicas: `leases`, a sorted set of leases by the time at which they end. Of
 * a lease: `rooms:<lease>`, a sorted set of the names of rooms in which something is held. Of a room and a lease:
 * `p:<lease>`, a hash of what is held: user (a JSON string; nothing for a room whose users are only counted) to
 * `<connections>` or `<connections> <info>`. Of a room: `u`, a hash of user to the number of leases that hold them (of
 * nobody to the number of leases that only count).
 * All of them expire some minutes after the last replica that could tell of them.
 */

/**
 * `hold` adds names to a lease's users of a room, and `release` takes some away: both return those of whom nobody knew
 * before, or knows any more. `tell` publishes that, as broker/wire.ts reads it, and records it for those whom webhooks
 * tell.
 */
const CHANGE = `${NOW}${RECORD}
-- Lua takes some thousand values at once.
local function inParts (list, run)
  for at = 1, #list, 1000 do run(at, math.min(at + 999, #list)) end
end
local function count (users, names, by)
  local set, gone, told = {}, {}, {}
  inParts(names, function (first, last)
    for n, leases in ipairs(redis.call('HMGET', users, unpack(names, first, last))) do
      local name, now = names[first + n - 1], (tonumber(leases) or 0) + by
      if now > 0 then
        set[#set + 1] = name
        set[#set + 1] = int(now)
      else
        gone[#gone + 1] = name
      end
      if now == 1 and by == 1 or now <= 0 then told[#told + 1] = name end
    end
  end)
  inParts(set, function (first, last) redis.call('HSET', users, unpack(set, first, last)) end)
  inParts(gone, function (first, last) redis.call('HDEL', users, unpack(gone, first, last)) end)
  return told
end
local function hold (users, names) return count(users, names, 1) end
local function release (users, names) return count(users, names, -1) end
local function named (names)
  local list = {}
  for _, name in ipairs(names) do
    if name ~= '' then list[#list + 1] = name end
  end
  return list
end
-- Without webhooks nobody asks how many there were.
local function sizeOf (room) return room.wanted ~= '' and redis.call('HLEN', room.users) or 0 end
local function tell (room, before, joined, left, outside)
  local after, count = sizeOf(room), 0
  if #joined + #left > 0 then
    -- Those who are only counted are nobody.
    count = redis.call('HLEN', room.users) - (redis.call('HGET', room.users, '') and 1 or 0)
    local change = '{"joined":[' .. table.concat(joined, ',') .. '],"left":[' .. table.concat(left, ',') .. ']}'
    redis.call('PUBLISH', room.channel, '1 P ' .. count .. ' ' .. int(nowMs()) .. '\\n\\t\\n' .. change)
  end
  if room.wanted == '' then return end
  record(outside, room, {
    joined = joined, left = left, count = count, occupied = before == 0 and after > 0, vacated = before > 0 and after == 0
  })
end
`

/**
 * KEYS rooms:<lease>, q and w of webhooks, and of each room p:<lease> and u
 * ARGV ttlMs, of webhooks maxWaiting, ttlMs and an id, and of each room its name, channel, wanted events, how many
 * users, and of each user: name, what is held (nothing: no more)
 */
export const PUT_SCRIPT = `${CHANGE}
local ttlMs = ARGV[1]
local outside = { queue = KEYS[2], state = KEYS[3], maxWaiting = ARGV[2], ttlMs = ARGV[3], id = ARGV[4] }
local at, key = 5, 4
while at <= #ARGV do
  local held, users, count = KEYS[key], KEYS[key + 1], tonumber(ARGV[at + 3])
  local room = { name = ARGV[at], channel = ARGV[at + 1], wanted = ARGV[at + 2], users = users }
  at, key = at + 4, key + 2
  local names, values = {}, {}
  for n = 1, count do
    names[n], values[n] = ARGV[at], ARGV[at + 1]
    at = at + 2
  end
  local before = redis.call('HMGET', held, unpack(names))
  local set, gone, come = {}, {}, {}
  for n, name in ipairs(names) do
    if values[n] ~= '' then
      set[#set + 1] = name
      set[#set + 1] = values[n]
      if not before[n] then come[#come + 1] = name end
    elseif before[n] then
      gone[#gone + 1] = name
    end
  end
  local added = #set > 0 and redis.call('HSET', held, unpack(set)) or 0
  if #gone > 0 then redis.call('HDEL', held, unpack(gone)) end
  local sizeBefore = sizeOf(room)
  local joined, left = named(hold(users, come)), named(release(users, gone))
  local size = redis.call('HLEN', held)
  if size == 0 then
    redis.call('ZREM', KEYS[1], room.name)
  elseif size == added then
    redis.call('ZADD', KEYS[1], 0, room.name)
    for _, fresh in ipairs({ KEYS[1], held, users }) do redis.call('PEXPIRE', fresh, ttlMs) end
  end
  local infos = {}
  for n, name in ipairs(names) do infos[name] = string.match(values[n], ' (.*)') end
  for n, name in ipairs(joined) do
    joined[n] = '{"user":' .. name .. (infos[name] and ',"info":' .. infos[name] or '') .. '}'
  end
  tell(room, sizeBefore, joined, left, outside)
end
return 1
`

/**
 * KEYS leases
 * ARGV lease, leaseMs, ttlMs
 * → whether it had not ended, the time, and all leases, each followed by when it ends
 */
export const RENEW_SCRIPT = `${NOW}
local now = nowMs()
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
-- A Redis without memory refuses what adds to it only where it is a script's first write: a lease must not end of that.
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[1], int(now + ARGV[2]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { ends and tonumber(ends) > now and 1 or 0, int(now), redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES') }
`

/**
 * What a lease that has ended still holds is given up, and the rooms are told: by whoever comes first.
 *
 * KEYS leases, rooms:<lease>, q and w of webhooks, and of each room p:<lease> and u
 * ARGV lease, of webhooks maxWaiting, ttlMs and an id, and of each room its name, channel and wanted events
 * → how many rooms are left; -1 where the lease has not ended
 */
export const SWEEP_SCRIPT = `${CHANGE}
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ends and tonumber(ends) > nowMs() then return -1 end
local outside = { queue = KEYS[3], state = KEYS[4], maxWaiting = ARGV[2], ttlMs = ARGV[3], id = ARGV[4] }
for n = 1, (#ARGV - 4) / 3 do
  local held, at = KEYS[2 * n + 3], 3 * n + 2
  local room = { name = ARGV[at], channel = ARGV[at + 1], wanted = ARGV[at + 2], users = KEYS[2 * n + 4] }
  local names, before = redis.call('HKEYS', held), sizeOf(room)
  redis.call('DEL', held)
  redis.call('ZREM', KEYS[2], room.name)
  tell(room, before, {}, named(release(room.users, names)), outside)
end
local rooms = redis.call('ZCARD', KEYS[2])
if rooms == 0 then redis.call('ZREM', KEYS[1], ARGV[1]) end
return rooms
`

/** KEYS leases → those that have not ended. */
export const LIVE_SCRIPT = `${NOW}
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. int(nowMs()), '+inf')
`

/**
 * Where others live on, this lease ends after the grace: at a time with a half, by which they know that it is not
 * renewed any more. Where all others are about to end as well, or have ended, nobody is left to wait for.
 *
 * KEYS leases
 * ARGV lease, graceMs
 * → the leases that have ended with this one: none where others live on
 */
export const RETIRE_SCRIPT = `${NOW}
local now = nowMs()
local live = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. int(now), '+inf', 'WITHSCORES')
for n = 1, #live, 2 do
  if live[n] ~= ARGV[1] and tonumber(live[n + 1]) % 1 == 0 then
    redis.call('ZADD', KEYS[1], int(now + ARGV[2]) .. '.5', ARGV[1])
    return {}
  end
end
redis.call('ZADD', KEYS[1], 0, ARGV[1])
local leases = redis.call('ZRANGE', KEYS[1], 0, -1)
for _, lease in ipairs(leases) do redis.call('ZADD', KEYS[1], 0, lease) end
return leases
`

/** KEYS p:<lease> of one room and several leases → what each holds, users and values in turn. */
export const HELD_SCRIPT = `
local held = {}
for n, key in ipairs(KEYS) do held[n] = redis.call('HGETALL', key) end
return held
`

/**
 * KEYS of each room: u, and p:<lease> of the same leases
 * ARGV how many leases
 * → of each how many users, or connections where nobody is told
 */
export const COUNT_SCRIPT = `
local counts = {}
for at = 1, #KEYS, ARGV[1] + 1 do
  local count = redis.call('HLEN', KEYS[at]) - (redis.call('HGET', KEYS[at], '') and 1 or 0)
  if count == 0 then
    for n = at + 1, at + ARGV[1] do
      count = count + (string.match(redis.call('HGET', KEYS[n], '') or '', '^%d+') or 0)
    end
  end
  counts[#counts + 1] = count
end
return counts
`

/** KEYS of one lease: rooms:<lease>; ARGV after, limit → names of rooms, from the first after that. */
export const ROOMS_SCRIPT = `
return redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1] == '' and '-' or '(' .. ARGV[1], '+', 'LIMIT', 0, ARGV[2])
`

/** KEYS to be kept for another while; ARGV ttlMs */
export const KEEP_SCRIPT = `
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[1]) end
return 1
`
