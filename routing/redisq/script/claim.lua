-- ARGV[3] the call, ARGV[4] the agent, ARGV[5] the queue, ARGV[6] the node, ARGV[7] the claim's life, ARGV[8] how much
-- longer another node's lease must run, both in microseconds.
local call, name, queue_name, node = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local caller = read(callers, call)
local agent = read(agents, name)
if not caller or not agent then return reply('lost') end
local old = caller.claim
if ringing(old) and old.agent == name and old.queue == queue_name and old.node == node then
  return reply('ok', cjson.encode(old))
end
local claimable = agent.registered and agent.phones and agent.seat and not agent.paused
  and not agent.outside and not live(agent.claim) and now >= number(agent.wrap_up) and now >= number(agent.not_before)
if live(old) or not claimable or now < number((caller.refused or {})[name]) then return reply('lost') end
-- Nor for a node, or a phone of one, whose lease was renewed once and is over; one that was never renewed is '0'.
local nodes = {node}
for _, phone in ipairs(agent.phones) do nodes[#nodes + 1] = phone.node end
local ends = redis.call('HMGET', leases, unpack(nodes))
local function lapsed(i, at) return ends[i] and ends[i] ~= '0' and at >= number(ends[i]) end
local near = false
for i, phone in ipairs(agent.phones) do
  near = near or running(phone) and (phone.node == node or not lapsed(i + 1, now + ARGV[8]))
end
if lapsed(1, now) or not near then return reply('lost') end

if old then forget(old) end
if agent.claim then forget(agent.claim) end
local tokens = redis.call('HMGET', meta, 'token', 'lead')
local claim = {
  token = text(math.max(number(tokens[1]) + 1, now + number(tokens[2]))), call = call, agent = name, queue = queue_name, node = node,
  offered = text(now), deadline = text(now + ARGV[7]),
}
redis.call('HSET', meta, 'token', claim.token) -- it is above those of a time that the store has forgotten, too
record(claim)
local queue = read(queues, queue_name) or {name = queue_name}
caller.claim, caller.offers = claim, (caller.offers or 0) + 1
agent.claim, agent.changed = claim, text(now)
queue.last_offered = name
tell{kind = 'caller.offered', reason = queue_name, call = call, caller = caller, agent = agent, queue = queue}
return reply('ok', cjson.encode(claim))
