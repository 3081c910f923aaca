-- ARGV[3] the token, ARGV[4] the wrap-up in microseconds.
local claim, agent = claimed(ARGV[3])
if not claim then return reply('ok') end
if not talking(claim) then return reply('lost') end
finish(claim, agent, number(ARGV[4]))
return reply('ok')
