-- limit_window.lua: how much was used in the last 60 seconds; begins the scripts that need it.
--
-- The same sliding log as src/service/quota_window.h: uses less than half a second apart share an
-- entry, which leaves the window when its youngest use does. So a window never has more than about
-- 120 entries, whatever its limit, and a step looks at a few of them. Entries are numbered; a new
-- log begins at the time in milliseconds, so that no number comes twice.
--
-- What a step costs is mostly calls of Redis. So a log NAME (r: requests, t: tokens) keeps what
-- nearly every step needs packed in one field of the hash, and NAME<number> = "last amount" for
-- each entry but the newest.

local WINDOW, SHARE, TTL = 60000, 500, 61000
local PACKED = '<ddddddd' -- doubles, which hold whole numbers up to 2^53

local windows = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- The sum; the numbers of the oldest and the newest entry; the newest entry's first and last use
-- and its amount; the oldest entry's last use. packed: false for a log that is not there.
local function open(name, packed)
    local w = {
        name = name, changed = false, prolongs = false,
        sum = 0, oldest = now + 1, newest = now, first = 0, last = 0, amount = 0, oldest_last = 0,
    }
    if packed then
        w.sum, w.oldest, w.newest, w.first, w.last, w.amount, w.oldest_last =
            struct.unpack(PACKED, packed)
    end
    return w
end

local function load(name)
    return open(name, redis.call('HGET', windows, name))
end

-- Of these logs (false: there is none) those that changed. The hash lives at least as long as its
-- youngest entry.
local function save(...)
    local fields, prolongs = {}, false
    for _, w in ipairs({...}) do
        if w and w.changed then
            fields[#fields + 1] = w.name
            fields[#fields + 1] = struct.pack(PACKED, w.sum, w.oldest, w.newest, w.first, w.last,
                                              w.amount, w.oldest_last)
            prolongs = prolongs or w.prolongs
        end
    end
    if #fields > 0 then
        redis.call('HSET', windows, unpack(fields))
    end
    if prolongs then
        redis.call('PEXPIRE', windows, TTL)
    end
end

local function is_empty(w)
    return w.oldest > w.newest
end

-- Last use and amount of entry i; an amount of 0 where there is none.
local function entry(w, i)
    if i == w.newest then
        return w.last, w.amount
    end
    local last, amount = string.match(redis.call('HGET', windows, w.name .. i) or '0 0',
                                      '^(%d+) (%d+)$')
    return tonumber(last), tonumber(amount)
end

local function put_entry(w, i, last, amount)
    redis.call('HSET', windows, w.name .. i, string.format('%.0f %.0f', last, amount))
end

local function drop_oldest(w)
    local _, amount = entry(w, w.oldest)
    if w.oldest < w.newest then
        redis.call('HDEL', windows, w.name .. w.oldest)
    end
    w.changed = true
    w.sum = w.sum - amount
    w.oldest = w.oldest + 1
    if not is_empty(w) then
        w.oldest_last = entry(w, w.oldest)
    end
end

-- Forgets what is older than the window, and all of it when the clock was set back.
local function expire(w)
    local set_back = w.last - now > WINDOW
    while not is_empty(w) and (set_back or w.oldest_last + WINDOW <= now) do
        drop_oldest(w)
    end
end

local function begin_entry(w, at)
    if not is_empty(w) then
        put_entry(w, w.newest, w.last, w.amount)
    end
    w.newest = w.newest + 1
    w.first, w.amount = at, 0
end

local function add(w, amount)
    local at = is_empty(w) and now or math.max(now, w.last)
    local begins = is_empty(w) or at - w.first >= SHARE
    if begins then
        begin_entry(w, at)
    end
    w.sum, w.last, w.amount = w.sum + amount, at, w.amount + amount
    if w.oldest == w.newest then
        w.oldest_last = at
    end
    w.changed, w.prolongs = true, begins or at > now
end

-- Takes back up to amount from entry i; nothing when it has left the window.
local function take_back(w, i, amount)
    if i < w.oldest or i > w.newest then
        return
    end
    local last, held = entry(w, i)
    amount = math.min(amount, held)
    if i == w.newest then
        w.amount = held - amount
    else
        put_entry(w, i, last, held - amount)
    end
    w.changed = true
    w.sum = w.sum - amount
end

-- How long until at most `most` are left, after expire; 0: now.
local function wait_for(w, most)
    local left = w.sum
    for i = w.oldest, w.newest do
        if left <= most then
            return 0
        end
        local last, amount = entry(w, i)
        left = left - amount
        if left <= most then
            return last + WINDOW - now
        end
    end
    return 0
end

-- How long until nothing is left.
local function reset_in(w)
    for i = w.newest, w.oldest, -1 do
        local last, amount = entry(w, i)
        if amount > 0 then
            return last + WINDOW - now
        end
    end
    return 0
end
