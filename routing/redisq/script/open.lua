-- ARGV[3] the queue, ARGV[4] the rule, ARGV[5] '1' when it stands open.
local queue = read(queues, ARGV[3]) or {name = ARGV[3]}
local rule, open = ARGV[4], ARGV[5] == '1'
local rules = queue.open or {}
if (rules[rule] or false) == open then return reply('ok') end
rules[rule] = open or nil
queue.open = next(rules) and rules or nil
tell{kind = 'queue.changed', reason = (open and 'overflow open: ' or 'overflow closed: ') .. rule, queue = queue}
return reply('ok')
