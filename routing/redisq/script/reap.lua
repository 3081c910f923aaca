-- ARGV[3] the node, ARGV[4] how many things to take out at most. Returns how many it took out: fewer, and all is done.
local node, most = ARGV[3], number(ARGV[4])
if now < number(redis.call('HGET', leases, node)) then return reply('alive') end
local things = redis.call('ZRANGEBYLEX', owned, '[' .. node .. '\0', '(' .. node .. '\1', 'LIMIT', 0, most)
for _, thing in ipairs(things) do
  local kind, name = string.sub(thing, #node + 2, #node + 2), string.sub(thing, #node + 3)
  if kind == CALLER then
    leave(name, node_lost)
  elseif kind == OUTSIDE then
    beyond(read(agents, name), '', '')
  elseif kind == PHONE then -- those that only it reached are gone, the others anybody's (routing.AgentState.Orphaned); what is over is left out
    local agent, phones = read(agents, name), {}
    for _, phone in ipairs(agent.phones) do
      if running(phone) and (phone.node ~= node or phone.direct) then
        if phone.node == node then phone.node = '' end
        table.insert(phones, phone)
      end
    end
    reached(name, agent, phones, node_lost)
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
