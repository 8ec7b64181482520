-- KEYS: owner's list, records. ARGV: owner's hash, keys. Returns how many records were removed.
local removed = 0
for i = 2, #KEYS do
  local record = redis.call('GETRANGE', KEYS[i], 0, 30)
  if record ~= '' and owner_in(record) == ARGV[1] then
    redis.call('DEL', KEYS[i])
    removed = removed + 1
  end
  redis.call('ZREM', KEYS[1], ARGV[i])
end
return removed
