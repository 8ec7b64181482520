-- KEYS: record. ARGV: key, prefix of owners' lists.
local old = redis.call('GETRANGE', KEYS[1], 0, 30)
-- Even if there is none: a replica refuses it.
if redis.call('DEL', KEYS[1]) == 0 then
  return 0
end
local owner = owner_in(old)
if owner ~= '' then
  redis.call('ZREM', ARGV[2] .. owner, ARGV[1])
end
return 1
