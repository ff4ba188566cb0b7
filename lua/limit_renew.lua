-- limit_renew.lua: the holders of these leases live. Also for the list of instances.
--
-- KEYS: the leases. ARGV: their length in ms, their names. Returns how many leases there are.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local lease_ms = tonumber(ARGV[1])

for i = 2, #ARGV do
    redis.call('ZADD', KEYS[1], now + lease_ms, ARGV[i])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('PEXPIRE', KEYS[1], lease_ms * 2 + 61000)
return redis.call('ZCARD', KEYS[1])
