-- A record is a string: its version (8 bytes), the length of the owner's hash, the hash, the value.
-- The records of an owner in one bucket are listed in a sorted set, by their expiry.

-- Fails on a replica, where GETEX is a write too (`read.lua`).
local function refuse_on_replica(key)
  redis.call('GETEX', key)
end

local function owner_in(record)
  return string.sub(record, 10, 9 + string.byte(record, 9))
end

local function milliseconds()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Increments, but not below the clock, so that a lost counter never gives a version again.
local function next_version(counter)
  local time = redis.call('TIME')
  local version = math.max((tonumber(redis.call('GET', counter)) or 0) + 1, time[1] * 1000000 + time[2])
  redis.call('SET', counter, string.format('%.0f', version))
  return version
end

-- Lists a key a second longer than its record lives; the list lives as long as its last key.
local function list(index, key, ttl)
  local now = milliseconds()
  local ended = redis.call('ZRANGEBYSCORE', index, '-inf', string.format('%.0f', now), 'LIMIT', 0, 100)
  if #ended > 0 then
    redis.call('ZREM', index, unpack(ended))
  end
  redis.call('ZADD', index, ttl == '' and 'inf' or string.format('%.0f', now + 1000 + ttl), key)
  local last = redis.call('ZREVRANGE', index, 0, 0, 'WITHSCORES')[2]
  if last == 'inf' then
    redis.call('PERSIST', index)
  else
    redis.call('PEXPIREAT', index, last)
  end
end

-- Lists first: an interrupted script leaves a listed key without a record, never an unlisted
-- record.
local function put(record, index, key, version, owner, value, ttl)
  if owner ~= '' then
    list(index, key, ttl)
  end
  local packed = struct.pack('>I8', version) .. string.char(#owner) .. owner .. value
  if ttl == '' then
    redis.call('SET', record, packed)
  else
    redis.call('SET', record, packed, 'PX', ttl)
  end
end
