-- ARGV[3] the agent, ARGV[4] the node, ARGV[5] until when, in store time.
local name, node, expires = ARGV[3], ARGV[4], number(ARGV[5])
if expires <= now then
  unregister(name)
  return reply('ok')
end
local agent = read(agents, name) or {name = name}
local fresh = not agent.registered or now >= number(agent.expires)
if agent.registered and agent.node ~= node then disown(agent.node, REGISTRATION, name) end
own(node, REGISTRATION, name)
agent.node, agent.expires = node, text(expires)
if fresh then
  agent.registered, agent.changed = text(now), text(now)
  if number(agent.idle) < now then agent.idle = text(now) end
  if agent.cause == unreachable then -- the phone has just shown that it is there
    agent.misses, agent.cause, agent.not_before = nil, nil, nil
  end
end
tell{kind = 'agent.changed', reason = 'registered', agent = agent}
return reply('ok')
