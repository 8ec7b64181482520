local record = redis.call('GET', KEYS[1])
return record and { record, redis.call('PTTL', KEYS[1]) }
