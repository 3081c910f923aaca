-- ARGV[3] the token.
local claim, agent = claimed(ARGV[3])
if talking(claim) then return reply('ok') end
if not ringing(claim) then return reply('lost') end
local was, raw = read(callers, claim.call)
if not was or not was.claim or was.claim.token ~= claim.token then return reply('lost') end
go(was)
claim.deadline, claim.answered = nil, text(now)
agent.claim, agent.changed, agent.calls = claim, text(now), (agent.calls or 0) + 1
agent.misses, agent.cause, agent.not_before = nil, nil, nil
tell{kind = 'caller.answered', reason = claim.queue, call = claim.call, was = raw, agent = agent}
return reply('ok')
