-- limit_take.lua: behind limit_window.lua. Checks every limit before it adds to any.
--
-- KEYS: the windows, the leases.
-- ARGV: requests a minute, tokens a minute, requests at a time (0: no such limit),
--       tokens to reserve, the lease's name, its length in ms.
-- Returns what refused (0: nothing, 1 requests, 2 tokens, 3 requests at a time), ms until it may
-- succeed, requests left, ms until none is used, the same of tokens, the entries that were used.

local leases = KEYS[2]
local rpm, tpm, concurrency = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tokens, lease, lease_ms = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local packed = redis.call('HMGET', windows, 'r', 't')
local requests = rpm > 0 and open('r', packed[1])
local used = tpm > 0 and open('t', packed[2])
local refused, retry_ms = 0, 0

local function refuse(limit, ms)
    if refused == 0 then
        refused = limit
    end
    retry_ms = math.max(retry_ms, ms)
end

if requests then
    expire(requests)
    if requests.sum + 1 > rpm then
        refuse(1, wait_for(requests, rpm - 1))
    end
end
if used then
    expire(used)
    if used.sum + tokens > tpm then
        refuse(2, wait_for(used, tpm - tokens))
    end
end
if concurrency > 0 and redis.call('ZCARD', leases) >= concurrency then
    redis.call('ZREMRANGEBYSCORE', leases, '-inf', now) -- whose holders are gone
    if redis.call('ZCARD', leases) >= concurrency then
        refuse(3, 1000) -- when one ends cannot be known
    end
end

if refused == 0 then
    if requests then
        add(requests, 1)
    end
    if used then
        add(used, tokens)
    end
    if concurrency > 0 then
        redis.call('ZADD', leases, now + lease_ms, lease)
        redis.call('PEXPIRE', leases, lease_ms * 2 + TTL)
    end
end
save(requests, used)

return {
    refused, retry_ms,
    requests and math.max(rpm - requests.sum, 0) or 0, requests and reset_in(requests) or 0,
    used and math.max(tpm - used.sum, 0) or 0, used and reset_in(used) or 0,
    requests and requests.newest or 0, used and used.newest or 0,
}
