-- KEYS: owner's list. Removes expired keys, a write that a replica refuses, and returns the others. A primary
-- that cannot save (MISCONF) is still read.
local removed = redis.pcall('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', milliseconds()))
if type(removed) == 'table' and not string.find(removed.err, 'MISCONF', 1, true) then
  return removed
end
return redis.call('ZRANGE', KEYS[1], 0, -1)
