-- ARGV[3] the call, ARGV[4] the rule, then the queues.
local caller = read(callers, ARGV[3])
if not caller then return reply('gone') end
local have, added = {[caller.queue] = true}, false
caller.spilled = caller.spilled or {}
for _, queue in ipairs(caller.spilled) do have[queue] = true end
for i = 5, #ARGV do
  if not have[ARGV[i]] then
    have[ARGV[i]], added = true, true
    table.insert(caller.spilled, ARGV[i])
  end
end
if not added then return reply('ok') end
local before = caller.rule or '' -- as routing.JoinRules
if before ~= '' and ARGV[4] ~= '' then before = before .. '; ' end
caller.rule = before .. ARGV[4]
tell{kind = 'caller.spilled', reason = ARGV[4], call = caller.call, caller = caller}
return reply('ok')
