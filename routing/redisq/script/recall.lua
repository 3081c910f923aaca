-- ARGV[3] and those that follow: agents as a node remembers them (routing.AgentState.Recalled).
local function later(told, known) return number(told) > number(known) end

-- adopt is an agent whom the store does not know: all of it that is not over.
local function adopt(told)
  local agent, phones = told, {}
  for _, phone in ipairs(told.phones or {}) do
    if running(phone) then table.insert(phones, phone) end
  end
  agent.phones = nil
  settle(agent, phones)
  if not agent.phones then agent.registered = nil end
  if not live(agent.claim) then agent.claim = nil end
  if agent.claim then
    outnumber(agent.claim.token)
    record(agent.claim)
  end
  if agent.seat then redis.call('SADD', seats, agent.name) end
  if agent.outside then
    agent.outside_node = agent.outside_node or ''
    own(agent.outside_node, OUTSIDE, agent.name)
  end
  return agent
end

-- merge is an agent whom the store knows, or nil if nothing is new.
local function merge(agent, told)
  local changed = false
  if later(told.pause_said, agent.pause_said) then
    agent.paused, agent.pause_reason, agent.pause_said, changed = told.paused, told.pause_reason, told.pause_said, true
  end
  local other = number(told.not_before) ~= number(agent.not_before) or (told.cause or '') ~= (agent.cause or '')
    or (told.misses or 0) ~= (agent.misses or 0)
  if later(told.changed, agent.changed) and other then
    agent.not_before, agent.cause, agent.misses, changed = told.not_before, told.cause, told.misses, true
  end
  if later(told.wrap_up, agent.wrap_up) then agent.wrap_up, changed = told.wrap_up, true end
  if later(told.idle, agent.idle) then agent.idle, changed = told.idle, true end
  if (told.calls or 0) > (agent.calls or 0) then agent.calls, changed = told.calls, true end
  if not changed then return nil end
  if later(told.changed, agent.changed) then agent.changed = told.changed end
  return agent
end

for i = 3, #ARGV do
  local told = cjson.decode(ARGV[i])
  local agent = read(agents, told.name)
  if agent then
    agent = merge(agent, told)
  else
    agent = adopt(told)
  end
  if agent then tell{kind = 'agent.changed', reason = 'recalled', agent = agent} end
end
return reply('ok')
