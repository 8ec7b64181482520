-- KEYS: owner's list, records. ARGV: owner's hash, keys. Returns key, record and lifetime of each.
local found = {}
for i = 2, #KEYS do
  local record = read(KEYS[i])
  if type(record) == 'table' then
    return record
  end
  if record and owner_in(record) == ARGV[1] then
    found[#found + 1] = { ARGV[i], record, redis.call('PTTL', KEYS[i]) }
  else
    -- Not where it cannot save.
    redis.pcall('ZREM', KEYS[1], ARGV[i])
  end
end
return found
