-- ARGV[3] the call, ARGV[4] the reason.
leave(ARGV[3], ARGV[4])
return reply('ok')
