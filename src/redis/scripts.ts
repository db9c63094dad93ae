/**
 * The Lua that runs inside Redis. A script is atomic but never rolls back, so the step that can fail (XADD)
 * comes first and PUBLISH last. All names of a room carry one hash tag, so a script stays within one slot.
 *
 * Of a room: `m` hash of its log (e epoch, s newest seq, i its id, t its timestamp), `s` stream with ids
 * `<seq>-0` (fields i id, p id of the entry before, t timestamp, d body as in broker/wire.ts),
 * `k:<length>:<scope>:<key>` what an idempotent publish came to, `c` channel.
 */

/** `nowMs`: milliseconds since 1970 by Redis's clock, the one clock that matters. `int`: all digits of a number. */
export const NOW = `
local function nowMs ()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function int (number) return string.format('%.0f', number) end
`

/**
 * `append` numbers and stores one entry, and `announce` publishes it. `limits` is maxEntries, maxAgeMs and
 * metaTtlMs, where an age of 0 means for ever.
 */
const APPEND = `${NOW}
local function append (meta, stream, limits, newEpoch, id, body, onStored)
  local m = redis.call('HMGET', meta, 'e', 's', 'i', 't')
  local epoch, top, prev, last = m[1], tonumber(m[2]), m[3], tonumber(m[4])
  if not epoch then
    epoch, top, prev, last = newEpoch, 0, newEpoch, 0
    -- Any write, even of nothing, would make Redis let XADD pass though its memory is full.
    if redis.call('EXISTS', stream) == 1 then redis.call('DEL', stream) end
  end
  local seq, time = int(top + 1), int(math.max(nowMs(), last))
  redis.call('XADD', stream, 'MAXLEN', '=', limits.maxEntries, seq .. '-0', 'i', id, 'p', prev, 't', time, 'd', body)
  if onStored then onStored() end
  redis.call('HSET', meta, 'e', epoch, 's', seq, 'i', id, 't', time)
  if limits.maxAgeMs == '0' then
    redis.call('PERSIST', stream)
    redis.call('PERSIST', meta)
  else
    redis.call('PEXPIRE', stream, limits.maxAgeMs)
    redis.call('PEXPIRE', meta, limits.metaTtlMs)
  end
  return { epoch = epoch, seq = seq, id = id, prev = prev, time = time, body = body }
end
local function announce (channel, e)
  local header = table.concat({ '1 E', e.seq, e.epoch, e.id, e.prev, e.time }, ' ')
  redis.call('PUBLISH', channel, header .. '\\n' .. e.body)
end
`

/**
 * Several entries, of any rooms, each on its own: one that fails harms none of the others. Where Redis takes no writes
 * at all, nothing was done, and the script itself fails with Redis's own words.
 *
 * KEYS for each: meta, stream, key · ARGV newEpoch, keyTtlMs, then for each: maxEntries, maxAgeMs, metaTtlMs, id, body,
 * digest of the content ('' for no key)
 * → for each one text, which is cheaper to read than a list: `<epoch> <seq> <id> <1 for a duplicate, or 0>`,
 * `key_reused`, or `error <1 where something was done all the same, or 0> - - <Redis's words>`
 */
export const APPEND_SCRIPT = `${APPEND}
local newEpoch, keyTtlMs = ARGV[1], ARGV[2]
local isStored = false
local function store (meta, stream, key, maxEntries, maxAgeMs, metaTtlMs, id, body, digest)
  if digest ~= '' then
    local seen = redis.call('HMGET', key, 'h', 'e', 's', 'i')
    if seen[1] == digest then return table.concat({ seen[2], seen[3], seen[4], '1' }, ' ') end
    if seen[1] then return 'key_reused' end
  end
  local limits = { maxEntries = maxEntries, maxAgeMs = maxAgeMs, metaTtlMs = metaTtlMs }
  local entry = append(meta, stream, limits, newEpoch, id, body, function () isStored = true end)
  if digest ~= '' then
    redis.call('HSET', key, 'h', digest, 'e', entry.epoch, 's', entry.seq, 'i', id)
    redis.call('PEXPIRE', key, keyTtlMs)
  end
  -- The channel is called as the meta is, but for its last letter.
  announce(string.sub(meta, 1, -2) .. 'c', entry)
  return table.concat({ entry.epoch, entry.seq, id, '0' }, ' ')
end
local replies = {}
for n = 1, #KEYS / 3 do
  isStored = false
  local k, a = 3 * n - 2, 6 * n - 3
  local ok, reply = pcall(store, KEYS[k], KEYS[k + 1], KEYS[k + 2], unpack(ARGV, a, a + 5))
  if not ok then
    local words = type(reply) == 'table' and reply.err or tostring(reply)
    local code = string.match(words, '^-?(%u+)')
    if n == 1 and not isStored and (code == 'OOM' or code == 'READONLY' or code == 'MISCONF' or code == 'NOREPLICAS') then
      return redis.error_reply(words)
    end
    reply = 'error ' .. (isStored and '1' or '0') .. ' - - ' .. words
  end
  replies[n] = reply
end
return replies
`

/**
 * Moves the car: checks the bounds, appends the new position to its room, sets the counter.
 * KEYS meta, stream, key, counter · ARGV channel, maxEntries, maxAgeMs, metaTtlMs, newEpoch, id, delta, digest of the
 * delta ('' for no key), keyTtlMs, head (the body up to the content), min, max
 * → { epoch, seq, id, duplicate, position }, { 'key_reused' } or { 'out_of_range' }
 */
export const MOVE_SCRIPT = `${APPEND}
local channel, maxEntries, maxAgeMs, metaTtlMs, newEpoch, id, delta, digest, keyTtlMs, head, min, max = unpack(ARGV)
if digest ~= '' then
  local seen = redis.call('HMGET', KEYS[3], 'h', 'e', 's', 'i', 'v')
  if seen[1] == digest then return { seen[2], seen[3], seen[4], '1', seen[5] } end
  if seen[1] then return { 'key_reused' } end
end
local position = tonumber(redis.call('GET', KEYS[4]) or '0') + tonumber(delta)
if position < tonumber(min) or position > tonumber(max) then return { 'out_of_range' } end
position = int(position)
local limits = { maxEntries = maxEntries, maxAgeMs = maxAgeMs, metaTtlMs = metaTtlMs }
local entry = append(KEYS[1], KEYS[2], limits, newEpoch, id, head .. position)
redis.call('SET', KEYS[4], position)
if digest ~= '' then
  redis.call('HSET', KEYS[3], 'h', digest, 'e', entry.epoch, 's', entry.seq, 'i', id, 'v', position)
  redis.call('PEXPIRE', KEYS[3], keyTtlMs)
end
announce(channel, entry)
return { entry.epoch, entry.seq, id, '0', position }
`

/** Publishes several signals, in their order. ARGV channel, payload, of each in turn */
export const PUBLISH_SCRIPT = `
for n = 1, #ARGV, 2 do redis.call('PUBLISH', ARGV[n], ARGV[n + 1]) end
`

/**
 * Publishes a signal once for its key. KEYS key · ARGV channel, payload, digest, keyTtlMs
 * → 'published', 'duplicate' or 'key_reused'
 */
export const SIGNAL_ONCE_SCRIPT = `
local seen = redis.call('HGET', KEYS[1], 'h')
if seen == ARGV[3] then return 'duplicate' end
if seen then return 'key_reused' end
redis.call('HSET', KEYS[1], 'h', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 'published'
`

/**
 * The reading half. `newest`: entries before an id within a count and a size (at least one), none older than
 * maxAgeMs, and whether there are more. `field`: of an entry as XRANGE gives it. `topOf`: the room's meta, new
 * where there is none (entries without it can't be told apart from another log's, and go).
 */
const READ = `${NOW}
-- Piece by piece: of a thousand large entries most would not be sent, so they are not fetched.
local PIECE = 16
local function field (entry, name)
  for at = 1, #entry[2], 2 do
    if entry[2][at] == name then return entry[2][at + 1] end
  end
end
local function oldestMs (maxAgeMs)
  return maxAgeMs == 0 and 0 or nowMs() - maxAgeMs
end
local function newest (stream, before, count, maxBytes, maxAgeMs)
  local backwards, bytes, oldest, more = {}, 0, oldestMs(maxAgeMs), false
  local function take (entry)
    if tonumber(field(entry, 't')) < oldest then return false end
    bytes = bytes + #field(entry, 'd')
    more = #backwards == count or (bytes > maxBytes and #backwards > 0)
    if not more then backwards[#backwards + 1] = entry end
    return not more
  end
  local goOn = true
  while goOn do
    local piece = redis.call('XREVRANGE', stream, before, '-', 'COUNT', PIECE)
    goOn = #piece > 0
    for _, entry in ipairs(piece) do
      goOn = goOn and take(entry)
      before = '(' .. entry[1]
    end
  end
  local entries = {}
  for at = #backwards, 1, -1 do entries[#entries + 1] = backwards[at] end
  return entries, more
end
-- maxAgeMs of 0: a value that is there stays for ever. A room in which nothing was ever said is soon forgotten.
local EMPTY_TTL_MS = 7200000
local function ttlOf (seq, metaTtlMs) return seq == '0' and math.min(metaTtlMs, EMPTY_TTL_MS) or metaTtlMs end
local function topOf (meta, stream, newEpoch, metaTtlMs, maxAgeMs)
  local m = redis.call('HMGET', meta, 'e', 's', 'i', 't')
  if m[1] then
    if maxAgeMs ~= 0 or m[2] == '0' then redis.pcall('PEXPIRE', meta, ttlOf(m[2], metaTtlMs)) end
    return m
  end
  m = { newEpoch, '0', newEpoch, int(nowMs()) }
  if redis.call('EXISTS', stream) == 1 then redis.call('DEL', stream) end
  redis.call('HSET', meta, 'e', m[1], 's', m[2], 'i', m[3], 't', m[4])
  redis.call('PEXPIRE', meta, ttlOf('0', metaTtlMs))
  return m
end
`

/**
 * KEYS meta, stream · ARGV newEpoch, metaTtlMs, count, maxBytes, maxAgeMs
 * → { epoch, seq, id, timestampMs, entries }. Gives a room without a log its epoch.
 */
export const OPEN_SCRIPT = `${READ}
local m = topOf(KEYS[1], KEYS[2], ARGV[1], ARGV[2], tonumber(ARGV[5]))
local count = tonumber(ARGV[3])
local entries = count > 0 and newest(KEYS[2], '+', count, tonumber(ARGV[4]), tonumber(ARGV[5])) or {}
return { m[1], m[2], m[3], m[4], entries }
`

/**
 * KEYS meta, stream · ARGV newEpoch, metaTtlMs, epoch, seq, id, count, maxBytes, maxAgeMs, '1' for latest only
 * → { gap reason or '', top epoch, top seq, top id, entries, nowMs }
 */
export const AFTER_SCRIPT = `${READ}
local newEpoch, metaTtlMs, epoch, seq, id, count, maxBytes, maxAgeMs, latestOnly = unpack(ARGV)
maxBytes, maxAgeMs, latestOnly = tonumber(maxBytes), tonumber(maxAgeMs), latestOnly == '1'
local m = topOf(KEYS[1], KEYS[2], newEpoch, metaTtlMs, maxAgeMs)
local place, top = tonumber(seq), tonumber(m[2])
local function answer (gap, entries) return { gap, m[1], m[2], m[3], entries, int(nowMs()) } end
local function gapped (reason)
  return answer(reason, latestOnly and newest(KEYS[2], '+', 1, maxBytes, maxAgeMs) or {})
end
if epoch ~= m[1] then return gapped('epoch') end
if place > top then return gapped('ahead') end
if place == top then
  if id == m[3] then return answer('', {}) end
  return gapped('fork')
end
if latestOnly then return answer('', newest(KEYS[2], '+', 1, maxBytes, maxAgeMs)) end
local first = redis.call('XRANGE', KEYS[2], seq .. '-0', '+', 'COUNT', 2)
if first[1] and first[1][1] == seq .. '-0' then
  if field(first[1], 'i') ~= id then return gapped('fork') end
  table.remove(first, 1)
end
first = first[1]
if not first or first[1] ~= int(place + 1) .. '-0' or tonumber(field(first, 't')) < oldestMs(maxAgeMs) then
  return gapped('trimmed')
end
if field(first, 'p') ~= id then return gapped('fork') end
local entries, bytes, from, goOn = {}, 0, first[1], true
while goOn do
  local piece = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', PIECE)
  goOn = #piece > 0
  for _, entry in ipairs(piece) do
    bytes = bytes + #field(entry, 'd')
    -- A hole (somebody deleted an entry) ends the page: the next one begins with it, and says so.
    goOn = goOn and entry[1] == int(place + 1 + #entries) .. '-0'
    goOn = goOn and #entries < tonumber(count) and (bytes <= maxBytes or #entries == 0)
    if goOn then entries[#entries + 1] = entry end
    from = '(' .. entry[1]
  end
end
return answer('', entries)
`

/**
 * KEYS stream, meta · ARGV before ('+' for the end), count, maxBytes, maxAgeMs
 * → { entries, '1' where there are more, epoch }; no entries where the room has no log
 */
export const BEFORE_SCRIPT = `${READ}
local epoch = redis.call('HGET', KEYS[2], 'e')
if not epoch then return { {}, '0', '' } end
local entries, more = newest(KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]))
return { entries, more and '1' or '0', epoch }
`

/** KEYS counter · ARGV amount, windowMs → { count, milliseconds until it is forgotten } */
export const COUNT_SCRIPT = `
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
return { count, left }
`

/** KEYS metas → { epoch, seq, id } of each, all of them nil where a room has no log */
export const TOPS_SCRIPT = `
local tops = {}
for n, meta in ipairs(KEYS) do tops[n] = redis.call('HMGET', meta, 'e', 's', 'i') end
return tops
`
