-- ARGV[3] the agent, ARGV[4] '1' to grant, ARGV[5] the limit, ARGV[6] the reason.
local name, grant = ARGV[3], ARGV[4] == '1'
local agent = read(agents, name)
if not agent then return reply('gone') end
if (agent.seat ~= nil) == grant then return reply('ok') end
if grant and redis.call('SCARD', seats) >= number(ARGV[5]) then return reply('full') end
if not grant and (live(agent.claim) or agent.outside) then return reply('lost') end
agent.changed = text(now)
if grant then
  agent.seat, agent.idle = text(now), text(now)
  redis.call('SADD', seats, name)
else
  agent.seat = nil
  redis.call('SREM', seats, name)
end
tell{kind = 'agent.changed', reason = ARGV[6], agent = agent}
return reply('ok')
