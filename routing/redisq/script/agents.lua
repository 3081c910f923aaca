-- What the steps share that tell of agents and their phones, besides queue.lua.
-- outnumber sees to it that tokens granted later are higher, and none of those that are still to be told (routing.LeapOver).
local function outnumber(token)
  if number(token) <= number(redis.call('HGET', meta, 'token')) then return end
  local leap = token + 4294967296 + now % 68719476736
  redis.call('HSET', meta, 'token', text(leap), 'lead', text(math.max(0, leap - now)))
end

-- signed_up says whether the registration of any of the agent's phones runs.
local function signed_up(agent)
  if not agent.registered then return false end
  for _, phone in ipairs(agent.phones or {}) do
    if running(phone) then return true end
  end
  return false
end

-- settle makes these the phones of an agent, and keeps in order which nodes own one.
local function settle(agent, phones)
  local had, has = {}, {}
  for _, phone in ipairs(agent.phones or {}) do had[phone.node] = true end
  for _, phone in ipairs(phones) do has[phone.node] = true end
  for node in pairs(had) do
    if not has[node] then disown(node, PHONE, agent.name) end
  end
  for node in pairs(has) do
    if not had[node] then own(node, PHONE, agent.name) end
  end
  agent.phones = #phones > 0 and phones or nil
end

-- unregister ends a registration, and an offer that rings at the phone.
local function unregister(name)
  local agent = read(agents, name)
  if not agent or not agent.registered then return end
  if ringing(agent.claim) then
    release(agent.claim, unreachable)
    agent = read(agents, name)
  end
  settle(agent, {})
  agent.registered, agent.changed = nil, text(now)
  tell{kind = 'agent.changed', reason = 'unregistered', agent = agent}
end

-- reached makes these the phones of an agent, or of one who was never seen; none ends his registration.
local function reached(name, agent, phones, reason)
  if #phones == 0 then return unregister(name) end
  agent = agent or {name = name}
  local fresh = not signed_up(agent)
  settle(agent, phones)
  if fresh then
    local since = now
    for _, phone in ipairs(phones) do
      if number(phone.since) > 0 then since = math.min(since, number(phone.since)) end
    end
    agent.registered, agent.changed = text(since), text(now)
    if number(agent.idle) < since then agent.idle = text(since) end
    if agent.cause == unreachable then -- the phone has just shown that it is there
      agent.misses, agent.cause, agent.not_before = nil, nil, nil
    end
  end
  tell{kind = 'agent.changed', reason = reason, agent = agent}
end

-- beyond notes an agent's call outside the queues, or ('') its end.
local function beyond(agent, node, call)
  if (agent.outside or '') == call then return end
  if agent.outside then disown(agent.outside_node, OUTSIDE, agent.name) end
  agent.changed = text(now)
  if call ~= '' then
    agent.outside, agent.outside_node = call, node
    own(node, OUTSIDE, agent.name)
  else
    agent.outside, agent.outside_node = nil, nil
    if number(agent.idle) < now then agent.idle = text(now) end
  end
  tell{kind = 'agent.changed', reason = call ~= '' and 'outside' or 'outside over', agent = agent}
end
