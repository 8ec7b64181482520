-- KEYS: owner's list. Removes expired keys, a write that a replica refuses, and returns the others.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', milliseconds()))
return redis.call('ZRANGE', KEYS[1], 0, -1)
