-- ARGV[3] the token, ARGV[4] the outcome.
local claim = claimed(ARGV[3])
if claim and not talking(claim) then release(claim, ARGV[4]) end
return reply('ok')
