-- ARGV[3] the node, ARGV[4] the length of a lease, ARGV[5] how long lost places are kept, both in microseconds, ARGV[6] how many of them are
-- forgotten at most.
redis.call('HSET', leases, ARGV[3], text(now + ARGV[4]))
redis.call('HSET', meta, 'last', text(now))
local old = redis.call('ZRANGEBYSCORE', lost_since, '-inf', text(now - ARGV[5]), 'LIMIT', 0, ARGV[6])
if #old > 0 then
  redis.call('HDEL', lost, unpack(old))
  redis.call('ZREM', lost_since, unpack(old))
end
local alive, expired = {}, {}
local all = redis.call('HGETALL', leases)
for i = 1, #all, 2 do
  local node = all[i]
  if now < number(all[i + 1]) then
    table.insert(alive, node)
  elseif #redis.call('ZRANGEBYLEX', owned, '[' .. node .. '\0', '(' .. node .. '\1', 'LIMIT', 0, 1) > 0 then
    table.insert(expired, node)
  else
    redis.call('HDEL', leases, node)
  end
end
return reply('ok', text(seq), incarnation, alive, expired, all)
