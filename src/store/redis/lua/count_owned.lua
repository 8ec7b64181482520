-- KEYS: owner's list, records. ARGV: owner's hash, keys, prefix of values. Returns how many records
-- of the owner have a value with this prefix. The first record is read as a whole, because only a
-- primary lets it be.
local prefix = ARGV[#ARGV]
local first = read(KEYS[2])
if type(first) == 'table' then
  return first
end
local length = 9 + #ARGV[1]
local counted = 0
for i = 2, #KEYS do
  local record = redis.call('GETRANGE', KEYS[i], 0, length + #prefix - 1)
  if record ~= '' and owner_in(record) == ARGV[1] and string.sub(record, length + 1) == prefix then
    counted = counted + 1
  end
end
return counted
