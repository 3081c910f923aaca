-- ARGV[3] the node.
redis.call('HSET', leases, ARGV[3], text(now))
return reply('ok')
