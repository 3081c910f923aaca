-- ARGV[3] the caller, ARGV[4] the capacity, 0 for none.
local new, capacity = cjson.decode(ARGV[3]), number(ARGV[4])
local was, raw = read(callers, new.call)
local staying = was and was.queue == new.queue
if staying and was.priority == new.priority and was.node == new.node then return reply('ok') end
if capacity > 0 and not staying and number(redis.call('HGET', waiting, new.queue)) >= capacity then
  return reply('full')
end
local agent
if was then go(was) end
if staying then
  was.priority, was.node = new.priority, new.node
  new = was
else
  if was then
    agent = withdraw(was)
    new.first_entry, new.entered = was.first_entry, text(now)
    new.refused, new.missed, new.offers = was.refused, was.missed, was.offers
  end
  local place = new.returns and read(lost, new.returns)
  if place then
    new.first_entry = place.caller.first_entry
  else
    new.returns = nil
  end
  if not new.entered or number(new.entered) > now then new.entered = text(now) end
  if not new.first_entry or number(new.first_entry) > number(new.entered) then new.first_entry = new.entered end
end
come(new)
found(new.call)
tell{kind = 'caller.entered', call = new.call, caller = new, was = raw, agent = agent}
return reply('ok')
