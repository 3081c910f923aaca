-- ARGV[3] the agent. Whoever asks for it is there, so misses before it are forgotten.
local agent = read(agents, ARGV[3])
if not agent then return reply('gone') end
if not agent.paused then return reply('ok') end
agent.paused, agent.pause_reason, agent.pause_said, agent.changed = nil, nil, text(now), text(now)
agent.misses, agent.cause, agent.not_before = nil, nil, nil
if number(agent.idle) < now then agent.idle = text(now) end
tell{kind = 'agent.changed', reason = 'resumed', agent = agent}
return reply('ok')
