-- limit_window.lua: how much was used in the last 60 seconds; begins the scripts that need it.
--
-- The same sliding log as src/service/quota_window.h: uses less than half a second apart share an
-- entry, which leaves the window when its youngest use does. So a window never has more than about
-- 120 entries, whatever its limit, and a step looks at a few of them. Entries are numbered; a new
-- log begins at the time in milliseconds, so that no number comes twice.
--
-- A log NAME (r: requests, t: tokens) is fields of one hash: NAMEs its sum, NAMEo and NAMEn the
-- numbers of its oldest and newest entry, NAMEf, NAMEl and NAMEa the newest entry's first and last
-- use and its amount, and NAME<number> = "last amount" each older one.

local WINDOW, SHARE, TTL = 60000, 500, 61000

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function load(key, name)
    local v = redis.call('HMGET', key, name .. 's', name .. 'o', name .. 'n', name .. 'f',
                         name .. 'l', name .. 'a')
    return {
        key = key, name = name,
        sum = tonumber(v[1]) or 0,
        oldest = tonumber(v[2]) or now + 1, newest = tonumber(v[3]) or now,
        first = tonumber(v[4]) or 0, last = tonumber(v[5]) or 0, amount = tonumber(v[6]) or 0,
    }
end

local function save(w)
    local n = w.name
    redis.call('HSET', w.key, n .. 's', w.sum, n .. 'o', w.oldest, n .. 'n', w.newest,
               n .. 'f', w.first, n .. 'l', w.last, n .. 'a', w.amount)
end

local function is_empty(w)
    return w.oldest > w.newest
end

-- Last use and amount of entry i; an amount of 0 where there is none.
local function entry(w, i)
    if i == w.newest then
        return w.last, w.amount
    end
    local last, amount = string.match(redis.call('HGET', w.key, w.name .. i) or '0 0',
                                      '^(%d+) (%d+)$')
    return tonumber(last), tonumber(amount)
end

local function put_entry(w, i, last, amount)
    redis.call('HSET', w.key, w.name .. i, string.format('%.0f %.0f', last, amount))
end

local function drop_oldest(w)
    local last, amount = entry(w, w.oldest)
    if last + WINDOW > now then
        return false
    end
    if w.oldest < w.newest then
        redis.call('HDEL', w.key, w.name .. w.oldest)
    end
    w.sum = w.sum - amount
    w.oldest = w.oldest + 1
    return true
end

-- Forgets what is older than the window, and all of it when the clock was set back.
local function expire(w)
    local before = w.oldest
    if not is_empty(w) and w.last - now > WINDOW then
        w.last = 0
        while not is_empty(w) do
            redis.call('HDEL', w.key, w.name .. w.oldest)
            w.oldest = w.oldest + 1
        end
        w.sum = 0
    end
    while not is_empty(w) and drop_oldest(w) do end
    if w.oldest > before then
        save(w)
    end
end

local function add(w, amount)
    local at = is_empty(w) and now or math.max(now, w.last)
    w.sum = w.sum + amount
    if not is_empty(w) and at - w.first < SHARE then
        w.last, w.amount = at, w.amount + amount
    else
        if not is_empty(w) then
            put_entry(w, w.newest, w.last, w.amount)
        end
        w.newest = w.newest + 1
        w.first, w.last, w.amount = at, at, amount
    end
    save(w)
    redis.call('PEXPIRE', w.key, TTL)
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
    w.sum = w.sum - amount
    save(w)
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
