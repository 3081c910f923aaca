-- Everything, of one moment.
return reply('ok', text(seq), incarnation, stamp,
  redis.call('HGETALL', callers), redis.call('HGETALL', agents), redis.call('HGETALL', queues), redis.call('HGETALL', lost))
