-- ARGV[3] the node, ARGV[4] how many things to take out at most. Returns how many it took out: fewer, and all is done.
local node, most = ARGV[3], number(ARGV[4])
if now < number(redis.call('HGET', leases, node)) then return reply('alive') end
local things = redis.call('ZRANGEBYLEX', owned, '[' .. node .. '\0', '(' .. node .. '\1', 'LIMIT', 0, most)
for _, thing in ipairs(things) do
  local kind, name = string.sub(thing, #node + 2, #node + 2), string.sub(thing, #node + 3)
  if kind == CALLER then
    leave(name, node_lost)
  elseif kind == REGISTRATION then
    unregister(name)
  else -- whom a claim bound is free, with nothing held against him
    local claim, agent = claimed(name)
    if talking(claim) then
      finish(claim, agent, 0, node_lost)
    elseif claim then
      release(claim, withdrawn)
    end
  end
  redis.call('ZREM', owned, thing)
end
if #things < most then redis.call('HDEL', leases, node) end
return reply('ok', #things)
