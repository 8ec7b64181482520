-- Returns the value of a key on a primary, and an error elsewhere: a replica may lag behind and
-- lack records. Redis treats GETEX as a write, which a replica refuses (READONLY); without options
-- it writes nothing. A server that cannot save (MISCONF) has checked its role first: it is a
-- primary and is still read.
local function read(key)
  local value = redis.pcall('GETEX', key)
  if type(value) == 'table' and string.find(value.err, 'MISCONF', 1, true) then
    value = redis.call('GET', key)
  end
  return value
end

