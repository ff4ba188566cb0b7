-- Sums of usage for each hour, so that statistics need not read every row.
--
-- Whoever writes usage leaves a mark for the hours of it, in the same transaction. An hour with a
-- mark is counted from the rows themselves; one without from usage_hourly. The housekeeper works an
-- hour that is over out anew, as a whole, and takes the marks that it saw: rows that come late, and
-- rows that are replaced, leave a new mark. So a sum is exact at any time.

-- low, high: the least and the greatest id among the rows that the mark is for.
CREATE TABLE usage_marks (
    id    INTEGER PRIMARY KEY,
    hour  TEXT NOT NULL,
    until TEXT NOT NULL,
    day   TEXT NOT NULL,
    low   TEXT NOT NULL,
    high  TEXT NOT NULL
);
CREATE INDEX usage_marks_hour ON usage_marks (hour);

-- The hours that were worked out, and where their rows are.
CREATE TABLE usage_hours (
    hour  TEXT NOT NULL PRIMARY KEY,
    until TEXT NOT NULL,
    day   TEXT NOT NULL,
    low   TEXT NOT NULL,
    high  TEXT NOT NULL
) WITHOUT ROWID;

-- status … requests: what the row is about; then sums. first_tokens: how many had one.
-- latency_NN, first_NN: how many took at most 10, 20, 50, 100, 200, 350, 500, 750, 1000, 1500, 2000,
-- 3000, 5000, 7500, 10000, 15000, 20000, 30000, 60000, 120000 ms.
CREATE TABLE usage_hourly (
    hour               TEXT NOT NULL,
    day                TEXT NOT NULL,
    user_id            INTEGER NOT NULL,
    key_id             INTEGER NOT NULL,
    provider           TEXT NOT NULL,
    requested_model    TEXT NOT NULL,
    served_model       TEXT NOT NULL,
    status             TEXT NOT NULL,
    requests           INTEGER NOT NULL,
    attempts           INTEGER NOT NULL,
    fallbacks          INTEGER NOT NULL,
    prompt_tokens      INTEGER NOT NULL,
    completion_tokens  INTEGER NOT NULL,
    total_tokens       INTEGER NOT NULL,
    cached_tokens      INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    reasoning_tokens   INTEGER NOT NULL,
    request_bytes      INTEGER NOT NULL,
    response_bytes     INTEGER NOT NULL,
    latency_ms         INTEGER NOT NULL,
    first_token_ms     INTEGER NOT NULL,
    first_tokens       INTEGER NOT NULL,
    latency_00 INTEGER NOT NULL, latency_01 INTEGER NOT NULL, latency_02 INTEGER NOT NULL, latency_03 INTEGER NOT NULL,
    latency_04 INTEGER NOT NULL, latency_05 INTEGER NOT NULL, latency_06 INTEGER NOT NULL, latency_07 INTEGER NOT NULL,
    latency_08 INTEGER NOT NULL, latency_09 INTEGER NOT NULL, latency_10 INTEGER NOT NULL, latency_11 INTEGER NOT NULL,
    latency_12 INTEGER NOT NULL, latency_13 INTEGER NOT NULL, latency_14 INTEGER NOT NULL, latency_15 INTEGER NOT NULL,
    latency_16 INTEGER NOT NULL, latency_17 INTEGER NOT NULL, latency_18 INTEGER NOT NULL, latency_19 INTEGER NOT NULL,
    first_00 INTEGER NOT NULL, first_01 INTEGER NOT NULL, first_02 INTEGER NOT NULL, first_03 INTEGER NOT NULL,
    first_04 INTEGER NOT NULL, first_05 INTEGER NOT NULL, first_06 INTEGER NOT NULL, first_07 INTEGER NOT NULL,
    first_08 INTEGER NOT NULL, first_09 INTEGER NOT NULL, first_10 INTEGER NOT NULL, first_11 INTEGER NOT NULL,
    first_12 INTEGER NOT NULL, first_13 INTEGER NOT NULL, first_14 INTEGER NOT NULL, first_15 INTEGER NOT NULL,
    first_16 INTEGER NOT NULL, first_17 INTEGER NOT NULL, first_18 INTEGER NOT NULL, first_19 INTEGER NOT NULL,
    PRIMARY KEY (hour, user_id, key_id, provider, requested_model, served_model, status)
) WITHOUT ROWID;

-- Rows of usage_logs before this were deleted, or will be; their hours stay as they are.
CREATE TABLE usage_horizon (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    hour TEXT NOT NULL
);
INSERT INTO usage_horizon (id, hour) VALUES (1, '1970-01-01T00:00:00.000Z');

INSERT INTO usage_marks (hour, until, day, low, high)
SELECT substr(created_at, 1, 13) || ':00:00.000Z',
       strftime('%Y-%m-%dT%H:00:00.000Z', created_at, '+1 hour'),
       substr(created_at, 1, 10) || 'T00:00:00.000Z', min(id), max(id)
FROM usage_logs GROUP BY substr(created_at, 1, 13);
