-- Gives the value of a key on a primary, and an error elsewhere: a replica answers from the past, and what
-- it does not have the primary may have. Redis counts GETEX as a write, which a replica refuses (READONLY),
-- but without options it writes nothing. The role comes first: a server that refuses because it cannot save
-- (MISCONF) is a primary, and reading goes on.
local function read(key)
  local value = redis.pcall('GETEX', key)
  if type(value) == 'table' and string.find(value.err, 'MISCONF', 1, true) then
    value = redis.call('GET', key)
  end
  return value
end

