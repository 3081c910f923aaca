-- ARGV[3] the agent, ARGV[4] the call outside the queues, or ''.
local agent, call = read(agents, ARGV[3]), ARGV[4]
if not agent then return reply('gone') end
if (agent.outside or '') == call then return reply('ok') end
agent.changed = text(now)
if call ~= '' then
  agent.outside = call
else
  agent.outside = nil
  if number(agent.idle) < now then agent.idle = text(now) end
end
tell{kind = 'agent.changed', reason = call ~= '' and 'outside' or 'outside over', agent = agent}
return reply('ok')
