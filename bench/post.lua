-- wrk: posts the body of BENCH_BODY with the key of BENCH_KEY to the URL's path; counts what is not
-- 200.
local file = io.open(os.getenv("BENCH_BODY"), "rb")
local body = file:read("*a")
file:close()
local errors = 0

wrk.method = "POST"
wrk.body = body
wrk.headers["content-type"] = "application/json"
wrk.headers["anthropic-version"] = "2023-06-01"
wrk.headers["authorization"] = "Bearer " .. (os.getenv("BENCH_KEY") or "none")

local threads = {}

function setup(thread)
    table.insert(threads, thread)
end

function init()
    bad = 0
end

function response(status)
    if status ~= 200 then
        bad = bad + 1
    end
end

function done(summary, latency)
    local wrong = 0
    for _, thread in ipairs(threads) do
        wrong = wrong + (thread:get("bad") or 0)
    end
    local e = summary.errors
    io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
        wrong + e.connect + e.read + e.write + e.timeout,
        latency:percentile(50), latency:percentile(99)))
end
