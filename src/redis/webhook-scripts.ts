import { NOW } from './scripts.ts'

/**
 * The Lua of events that wait for a webhook. `q`: a stream of them with ids `<number>-0` (fields i id, t timestamp, d
 * the rest of the JSON text). `w`: a hash of how it stands: e its epoch, n the newest number, d up to which all are
 * delivered or dropped, b the end of the batch that was taken, a how often that has failed, u until when it rests, l
 * who delivers, x until when.
 */

/**
 * `record` appends what has changed in a room, in the script that changes it. Nothing of it may make that script fail:
 * a number without an entry counts as dropped. `outside` is { queue, state, maxWaiting, ttlMs, id }.
 */
export const RECORD = `
local recorded = 0
local function record (outside, room, change)
  local events = {}
  local function add (letter, event, rest)
    if not string.find(room.wanted, letter, 1, true) then return end
    events[#events + 1] = '"type":"' .. event .. '","room":"' .. room.name .. '"' .. rest
  end
  local count = ',"count":' .. change.count
  if change.occupied then add('o', 'room.occupied', '') end
  for _, user in ipairs(change.joined) do add('j', 'member.joined', ',' .. string.sub(user, 2, -2) .. count) end
  for _, name in ipairs(change.left) do add('l', 'member.left', ',"user":' .. name .. count) end
  if change.vacated then add('v', 'room.vacated', '') end
  if #events == 0 then return end
  local top, time = redis.call('HGET', outside.state, 'n'), int(nowMs())
  if not top then
    redis.call('DEL', outside.queue)
    redis.call('HSET', outside.state, 'e', outside.id)
  end
  top = tonumber(top or 0)
  redis.call('HSET', outside.state, 'n', int(top + #events))
  for n, event in ipairs(events) do
    redis.pcall('XADD', outside.queue, 'MAXLEN', '=', outside.maxWaiting, int(top + n) .. '-0',
      'i', outside.id .. '-' .. recorded, 't', time, 'd', event)
    recorded = recorded + 1
  end
  for _, key in ipairs({ outside.queue, outside.state }) do redis.call('PEXPIRE', key, outside.ttlMs) end
end
`

const HOLD = `${NOW}
local function hold (state, me, leaseMs, ttlMs)
  local now, held = nowMs(), redis.call('HMGET', state, 'l', 'x')
  if held[1] and held[1] ~= me and tonumber(held[2]) > now then return nil end
  -- A Redis without memory refuses what adds to it only where it is a script's first write.
  redis.call('PEXPIRE', state, ttlMs)
  redis.call('HSET', state, 'l', me, 'x', int(now + leaseMs))
  redis.call('PEXPIRE', state, ttlMs)
  return now
end
local function field (entry, name)
  for at = 1, #entry[2], 2 do
    if entry[2][at] == name then return entry[2][at + 1] end
  end
end
local function numberOf (entry) return tonumber(string.match(entry[1], '^%d+')) end
`

/**
 * KEYS w, q · ARGV who, leaseMs, ttlMs, maxEvents, maxBytes
 * → nothing where another delivers; else the time, how many wait, the age of the oldest or -1, how many were dropped,
 * how often the oldest have failed, for how long they rest, of each event its number, id, timestamp and text, and the
 * epoch
 */
export const TAKE_SCRIPT = `${HOLD}
local state, queue, maxEvents, maxBytes = KEYS[1], KEYS[2], tonumber(ARGV[4]), tonumber(ARGV[5])
local now = hold(state, ARGV[1], ARGV[2], ARGV[3])
if not now then return nil end
local s = redis.call('HMGET', state, 'n', 'd', 'b', 'a', 'u', 'e')
local top, done = tonumber(s[1] or 0), tonumber(s[2] or 0)
local first = redis.call('XRANGE', queue, '-', '+', 'COUNT', 1)[1]
local head = first and numberOf(first) or top + 1
local dropped = math.max(0, head - done - 1)
if dropped > 0 then redis.call('HSET', state, 'd', int(head - 1)) end
local restMs = math.max(0, tonumber(s[5] or 0) - now)
local events = {}
if restMs == 0 and head <= top then
  local last, bytes = tonumber(s[3] or 0), 0
  local isNew = last < head
  for n, entry in ipairs(redis.call('XRANGE', queue, '-', isNew and '+' or int(last) .. '-0', 'COUNT', maxEvents)) do
    local text = field(entry, 'd')
    bytes = bytes + #text
    if isNew and bytes > maxBytes and n > 1 then break end
    events[n] = { int(numberOf(entry)), field(entry, 'i'), field(entry, 't'), text }
  end
  redis.call('HSET', state, 'b', events[#events][1])
end
local age = first and int(now - field(first, 't')) or -1
return { int(now), int(top - head + 1), age, int(dropped), s[4] or 0, int(restMs), events, s[6] or '' }
`

/** KEYS w · ARGV who, leaseMs, ttlMs → 1, or 0 where another delivers */
export const KEEP_HOLD_SCRIPT = `${HOLD}
return hold(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) and 1 or 0
`

/**
 * A Redis that lost its memory, or went back to an older one, may have given the numbers to other events since.
 *
 * KEYS w, q · ARGV the number of the last that was delivered, its id, the epoch, ttlMs → 1, or 0 where it is not so
 */
export const DONE_SCRIPT = `
local last, s = tonumber(ARGV[1]), redis.call('HMGET', KEYS[1], 'd', 'b', 'e', 'n')
local entry = redis.call('XRANGE', KEYS[2], ARGV[1] .. '-0', ARGV[1] .. '-0')[1]
if s[3] ~= ARGV[3] or tonumber(s[4] or 0) < last or entry and entry[2][2] ~= ARGV[2] then return 0 end
redis.call('XTRIM', KEYS[2], 'MINID', '=', string.format('%.0f-0', last + 1))
if last > tonumber(s[1] or 0) then redis.call('HSET', KEYS[1], 'd', ARGV[1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if tonumber(s[2] or 0) <= last then redis.call('HDEL', KEYS[1], 'b', 'a', 'u') end
return 1
`

/** KEYS w · ARGV who, tries, restMs */
export const FAILED_SCRIPT = `${NOW}
if redis.call('HGET', KEYS[1], 'l') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'a', 'u')
redis.call('HSET', KEYS[1], 'a', ARGV[2], 'u', int(nowMs() + ARGV[3]))
return 1
`

/** KEYS w · ARGV who */
export const RELEASE_SCRIPT = `
if redis.call('HGET', KEYS[1], 'l') ~= ARGV[1] then return 0 end
return redis.call('HDEL', KEYS[1], 'l', 'x')
`
