-- The opening of every script. KEYS[1] is meta, KEYS[2] the events; ARGV[1] the schema, ARGV[2] the latest time of the step (nothing: any
-- time), a colon, and an incarnation to begin if there is none. Times are microseconds since 1970: whole numbers below 2^53, kept as text, since cjson would round them.
-- All keys that a script touches are in KEYS, and carry one hash tag.
local meta, events = KEYS[1], KEYS[2]

local function text(n) return string.format('%.0f', n) end

local found = redis.call('HMGET', meta, 'schema', 'incarnation', 'seq', 'at', 'last', 'shift')
if found[1] and found[1] ~= ARGV[1] then
  return {'schema', '0', found[1]}
end
local incarnation, seq, stamp = found[2], tonumber(found[3]) or 0, found[4] or '0'
local last, shift = tonumber(found[5]) or 0, tonumber(found[6]) or 0

-- Store time is TIME, put forward by what it ever went back.
local clock = redis.call('TIME')
local told = clock[1] * 1000000 + clock[2] + shift
local now = math.max(told, last)

-- Who asked for a step that comes late, out of a link or a process that hung, has given up on it, and may have decided otherwise since.
local latest, fresh = string.match(ARGV[2], '^(%d*):(.+)$')
if latest ~= '' and now > tonumber(latest) then
  return {'late', text(now)}
end
if told < last then
  redis.call('HSET', meta, 'shift', text(shift + last - told))
end
if not incarnation then
  incarnation = fresh
  redis.call('HSET', meta, 'schema', ARGV[1], 'incarnation', incarnation, 'seq', '0', 'at', '0', 'last', text(now), 'token', text(now))
end

-- append adds an event of these fields. It names the stamp of the event before it, so that a reader knows a history that was rewritten.
local function append(fields)
  seq = seq + 1
  redis.call('XADD', events, 'MAXLEN', '~', '8192', text(seq) .. '-0', 'incarnation', incarnation, 'prior', stamp, 'at', text(now), unpack(fields))
  redis.call('HSET', meta, 'seq', text(seq), 'at', text(now), 'last', text(now))
  stamp = text(now)
end

-- reply is what a script returns: how it went, store time, and what it has to tell.
local function reply(code, ...) return {code, text(now), ...} end
