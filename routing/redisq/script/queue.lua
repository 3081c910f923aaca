-- What the steps of the queue share. Records are JSON as record.go describes them; a field that is not there is the zero value.
-- A claim's token is text. Names hold no NUL (checked by whoever calls).
local callers, agents, queues, waiting = KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local seats, claims, leases, owned = KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local lost, lost_since = KEYS[11], KEYS[12]

local function number(value) return tonumber(value) or 0 end

-- read returns a record and its text, or nil.
local function read(key, name)
  local raw = redis.call('HGET', key, name)
  if raw then return cjson.decode(raw), raw end
end

local function talking(claim) return claim and claim.answered end
local function ringing(claim) return claim and not claim.answered and now < number(claim.deadline) end
local function live(claim) return talking(claim) or ringing(claim) end

-- running says whether a phone's registration runs.
local function running(phone) return now < number(phone.expires) end

-- What a node owns: callers, claims, calls outside and agents' phones, taken out in this order when it is lost. Nobody is ''.
local CALLER, CLAIM, OUTSIDE, PHONE = '1', '2', '3', '4'
local function own(node, kind, name)
  if node == '' then return end
  redis.call('ZADD', owned, 0, node .. '\0' .. kind .. name)
  redis.call('HSETNX', leases, node, '0') -- an owner who never sent a heartbeat is over
end
local function disown(node, kind, name) redis.call('ZREM', owned, node .. '\0' .. kind .. name) end

-- found forgets a lost place.
local function found(call)
  if redis.call('HDEL', lost, call) > 0 then redis.call('ZREM', lost_since, call) end
end

-- tell appends an event and brings the records up to it, as routing.View.Fold does: the state is the sum of the events.
-- e.was is the text of a record, e.caller, e.agent and e.queue are records.
local function tell(e)
  local fields = {'kind', e.kind}
  local function put(name, value)
    if value and value ~= '' then
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
  end
  local function keep(what, key, name, record)
    local raw = cjson.encode(record)
    redis.call('HSET', key, name, raw)
    put(what, raw)
  end
  put('reason', e.reason)
  put('call', e.call)
  put('was', e.was)
  if e.caller then
    keep('caller', callers, e.call, e.caller)
    if e.kind == 'caller.entered' and e.caller.returns then found(e.caller.returns) end
  elseif e.call then
    redis.call('HDEL', callers, e.call)
    if e.kind == 'caller.left' and e.reason == node_lost then
      redis.call('HSET', lost, e.call, '{"at":"' .. text(now) .. '","caller":' .. e.was .. '}')
      redis.call('ZADD', lost_since, text(now), e.call)
    end
  end
  if e.agent then keep('agent', agents, e.agent.name, e.agent) end
  if e.queue then keep('queue', queues, e.queue.name, e.queue) end
  append(fields)
end

-- come and go keep count of who waits where, and who owns him.
local function come(c)
  redis.call('HINCRBY', waiting, c.queue, 1)
  own(c.node, CALLER, c.call)
end
local function go(c)
  redis.call('HINCRBY', waiting, c.queue, -1)
  disown(c.node, CALLER, c.call)
end

-- record and forget begin and end a claim's record.
local function record(claim)
  redis.call('HSET', claims, claim.token, claim.agent)
  own(claim.node, CLAIM, claim.token)
end
local function forget(claim)
  redis.call('HDEL', claims, claim.token)
  disown(claim.node, CLAIM, claim.token)
end

-- claimed returns the claim of a token as it is recorded with its agent, and the agent.
local function claimed(token)
  local name = redis.call('HGET', claims, token)
  if not name then return nil end
  local agent = read(agents, name)
  return agent.claim, agent
end

-- freed is an agent after an offer that came to nothing (routing.AgentState.Released; term_of is made of it).
local function freed(agent, outcome, at)
  agent.claim, agent.changed = nil, text(at)
  local term = term_of(outcome)
  if term.free then return agent end
  if (agent.misses or 0) > 0 and term.alike[agent.cause] then
    agent.misses = agent.misses + 1
  else
    agent.misses = 1
  end
  local row = math.min(agent.misses, #term.wait)
  agent.cause, agent.not_before = outcome, text(at + term.wait[row])
  if term.pause[row] and not agent.paused then
    agent.paused, agent.pause_reason, agent.pause_said = text(at), pause_reason, text(at)
  end
  return agent
end

-- returned is a caller after such an offer, back in his place (routing.Caller.Released).
local function returned(caller, name, outcome)
  caller.claim = nil
  local term = term_of(outcome)
  if term.refusal > 0 then
    local refused = {[name] = text(now + term.refusal)}
    for other, till in pairs(caller.refused or {}) do
      if number(till) > now and other ~= name then refused[other] = till end
    end
    caller.refused = refused
  elseif term.missed then
    caller.missed = caller.missed or {}
    for _, have in ipairs(caller.missed) do
      if have == name then return caller end
    end
    table.insert(caller.missed, name)
  end
  return caller
end

-- release ends an offer with both sides that are still recorded with it.
local function release(claim, outcome)
  forget(claim)
  local caller, agent = read(callers, claim.call), read(agents, claim.agent)
  if caller and caller.claim and caller.claim.token == claim.token then
    caller = returned(caller, claim.agent, outcome)
  end
  if agent and agent.claim and agent.claim.token == claim.token then
    agent = freed(agent, outcome, now)
  else
    agent = nil
  end
  tell{kind = 'caller.released', reason = outcome, call = claim.call, caller = caller, agent = agent}
end

-- withdraw frees the agent whom a caller is recorded with, and returns him, or nil.
local function withdraw(caller)
  local claim = caller.claim
  if not claim then return nil end
  local agent = read(agents, claim.agent)
  if not agent or not agent.claim or agent.claim.token ~= claim.token then return nil end
  forget(claim)
  local at = now
  if not live(agent.claim) then at = number(agent.claim.deadline) end -- free since then
  return freed(agent, withdrawn, at)
end

-- leave takes a caller out, if he waits.
local function leave(call, reason)
  local was, raw = read(callers, call)
  if not was then return end
  go(was)
  tell{kind = 'caller.left', reason = reason, call = call, was = raw, agent = withdraw(was)}
end

-- finish ends a conversation, and begins the agent's wrap-up. The caller may wait again already: then he goes on to.
local function finish(claim, agent, wrap_up, reason)
  forget(claim)
  agent.claim, agent.changed = nil, text(now)
  agent.wrap_up = text(now + wrap_up)
  agent.idle = agent.wrap_up
  local caller = read(callers, claim.call)
  tell{kind = 'call.finished', reason = reason, call = claim.call, caller = caller, agent = agent}
end
