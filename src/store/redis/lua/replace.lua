-- KEYS: record, version counter. ARGV: key, version, prefix of owners' lists, value, ttl.
local old = redis.call('GETRANGE', KEYS[1], 0, 30)
if old == '' or string.sub(old, 1, 8) ~= ARGV[2] then
  refuse_on_replica(KEYS[2])
  return false
end
local owner = owner_in(old)
local version = next_version(KEYS[2])
if ARGV[5] ~= '0' then
  put(KEYS[1], ARGV[3] .. owner, ARGV[1], version, owner, ARGV[4], ARGV[5])
else
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', ARGV[3] .. owner, ARGV[1])
end
return version
