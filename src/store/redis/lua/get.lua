-- KEYS: record. Returns the record and its lifetime.
local record = read(KEYS[1])
if type(record) == 'table' then
  return record
end
return record and { record, redis.call('PTTL', KEYS[1]) }
