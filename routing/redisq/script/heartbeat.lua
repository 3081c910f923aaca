-- ARGV[3] the node, ARGV[4] the length of a lease in microseconds.
redis.call('HSET', leases, ARGV[3], text(now + ARGV[4]))
redis.call('HSET', meta, 'last', text(now))
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
return reply('ok', text(seq), incarnation, alive, expired)
