-- limit_settle.lua: behind limit_window.lua. Gives a lease back and corrects what was reserved.
--
-- KEYS: the windows, the leases.
-- ARGV: the lease's name; the entry of requests to take one back from (0: none); the entry of the
--       tokens (0: none), how many were reserved, how many were used.

local leases = KEYS[2]
local request_entry, token_entry = tonumber(ARGV[2]), tonumber(ARGV[3])
local reserved, spent = tonumber(ARGV[4]), tonumber(ARGV[5])

redis.call('ZREM', leases, ARGV[1])
if request_entry > 0 then
    local requests = load('r')
    take_back(requests, request_entry, 1)
    save(requests)
end
if token_entry > 0 and spent ~= reserved then
    local used = load('t')
    if spent < reserved then -- what was not used leaves the moment at which it was reserved
        take_back(used, token_entry, reserved - spent)
    else -- what was used beyond it was used now
        expire(used)
        add(used, spent - reserved)
    end
    save(used)
end
return 1
