-- KEYS: index. Gives the keys that it lists. Removing those that have ended is also what a replica refuses.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', milliseconds()))
return redis.call('ZRANGE', KEYS[1], 0, -1)
