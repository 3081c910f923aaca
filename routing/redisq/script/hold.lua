-- ARGV[3] the claim.
local claim = cjson.decode(ARGV[3])
local have = claimed(claim.token)
if have and (have.call ~= claim.call or have.agent ~= claim.agent or have.node ~= claim.node) then
  return reply('lost', 'its token is that of ' .. have.call) -- granted again after the store went back
end
local caller, raw = read(callers, claim.call)
local theirs = caller and caller.claim and caller.claim.token == claim.token
if talking(have) or ringing(have) and theirs and not talking(claim) then return reply('ok') end
local agent = read(agents, claim.agent)
local bound = agent and live(agent.claim) and agent.claim.token ~= claim.token and (talking(agent.claim) or not talking(claim))
local other = caller and live(caller.claim) and not theirs
if bound then return reply('lost', 'he is with ' .. agent.claim.call) end
if not live(claim) or not talking(claim) and (not caller or other) then return reply('lost', 'it is over') end

if agent and ringing(agent.claim) and agent.claim.token ~= claim.token then -- a conversation is more than an offer
  release(agent.claim, withdrawn)
  caller, raw = read(callers, claim.call)
end
if caller and ringing(caller.claim) and caller.claim.token ~= claim.token then
  release(caller.claim, withdrawn)
  caller, raw = read(callers, claim.call)
end
agent = read(agents, claim.agent) or {name = claim.agent}
if agent.claim then forget(agent.claim) end
agent.claim, agent.changed = claim, text(now)
local e = {kind = 'agent.changed', reason = 'held', agent = agent}
if caller then
  if caller.claim then forget(caller.claim) end
  e.call, e.reason = claim.call, claim.queue
  if talking(claim) then
    go(caller)
    e.kind, e.was = 'caller.answered', raw
  else
    caller.claim = claim
    e.kind, e.caller = 'caller.offered', caller
  end
end
outnumber(claim.token)
record(claim)
tell(e)
return reply('ok')
