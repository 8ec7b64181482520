-- KEYS: record, version counter, owner's list. ARGV: key, owner's hash, value, ttl.
if redis.call('EXISTS', KEYS[1]) == 1 then
  refuse_on_replica(KEYS[2])
  return false
end
local version = next_version(KEYS[2])
if ARGV[4] ~= '0' then
  put(KEYS[1], KEYS[3], ARGV[1], version, ARGV[2], ARGV[3], ARGV[4])
end
return version
