-- ARGV[3] the agent, ARGV[4] the reason.
local agent, reason = read(agents, ARGV[3]) or {name = ARGV[3]}, ARGV[4]
if agent.paused and (agent.pause_reason or '') == reason then return reply('ok') end
if not agent.paused then agent.paused, agent.changed = text(now), text(now) end
agent.pause_reason, agent.pause_said = reason, text(now)
tell{kind = 'agent.changed', reason = reason, agent = agent}
return reply('ok')
