-- Sums of usage for each hour, so that statistics need not read every row.
--
-- Whoever writes usage leaves a mark for the hours of it, in the same transaction. An hour with a
-- mark is counted from the rows themselves; one without from usage_hourly. The housekeeper works an
-- hour that is over out anew, as a whole, and takes the marks that it saw: rows that come late, and
-- rows that are replaced, leave a new mark. So a sum is exact at any time.

-- low, high: the least and the greatest id among the rows that the mark is for.
CREATE TABLE usage_marks (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hour  timestamptz NOT NULL,
    until timestamptz NOT NULL,
    day   timestamptz NOT NULL,
    low   text COLLATE "C" NOT NULL,
    high  text COLLATE "C" NOT NULL
);
CREATE INDEX usage_marks_hour ON usage_marks (hour);

-- The hours that were worked out, and where their rows are.
CREATE TABLE usage_hours (
    hour  timestamptz PRIMARY KEY,
    until timestamptz NOT NULL,
    day   timestamptz NOT NULL,
    low   text COLLATE "C" NOT NULL,
    high  text COLLATE "C" NOT NULL
);

-- status … requests: what the row is about; then sums. first_tokens: how many had one.
-- latency_NN, first_NN: how many took at most 10, 20, 50, 100, 200, 350, 500, 750, 1000, 1500, 2000,
-- 3000, 5000, 7500, 10000, 15000, 20000, 30000, 60000, 120000 ms.
CREATE TABLE usage_hourly (
    hour               timestamptz NOT NULL,
    day                timestamptz NOT NULL,
    user_id            bigint NOT NULL,
    key_id             bigint NOT NULL,
    provider           text NOT NULL,
    requested_model    text NOT NULL,
    served_model       text NOT NULL,
    status             text NOT NULL,
    requests           bigint NOT NULL,
    attempts           bigint NOT NULL,
    fallbacks          bigint NOT NULL,
    prompt_tokens      bigint NOT NULL,
    completion_tokens  bigint NOT NULL,
    total_tokens       bigint NOT NULL,
    cached_tokens      bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    reasoning_tokens   bigint NOT NULL,
    request_bytes      bigint NOT NULL,
    response_bytes     bigint NOT NULL,
    latency_ms         bigint NOT NULL,
    first_token_ms     bigint NOT NULL,
    first_tokens       bigint NOT NULL,
    latency_00 bigint NOT NULL, latency_01 bigint NOT NULL, latency_02 bigint NOT NULL, latency_03 bigint NOT NULL,
    latency_04 bigint NOT NULL, latency_05 bigint NOT NULL, latency_06 bigint NOT NULL, latency_07 bigint NOT NULL,
    latency_08 bigint NOT NULL, latency_09 bigint NOT NULL, latency_10 bigint NOT NULL, latency_11 bigint NOT NULL,
    latency_12 bigint NOT NULL, latency_13 bigint NOT NULL, latency_14 bigint NOT NULL, latency_15 bigint NOT NULL,
    latency_16 bigint NOT NULL, latency_17 bigint NOT NULL, latency_18 bigint NOT NULL, latency_19 bigint NOT NULL,
    first_00 bigint NOT NULL, first_01 bigint NOT NULL, first_02 bigint NOT NULL, first_03 bigint NOT NULL,
    first_04 bigint NOT NULL, first_05 bigint NOT NULL, first_06 bigint NOT NULL, first_07 bigint NOT NULL,
    first_08 bigint NOT NULL, first_09 bigint NOT NULL, first_10 bigint NOT NULL, first_11 bigint NOT NULL,
    first_12 bigint NOT NULL, first_13 bigint NOT NULL, first_14 bigint NOT NULL, first_15 bigint NOT NULL,
    first_16 bigint NOT NULL, first_17 bigint NOT NULL, first_18 bigint NOT NULL, first_19 bigint NOT NULL,
    PRIMARY KEY (hour, user_id, key_id, provider, requested_model, served_model, status)
);

-- Rows of usage_logs before this were dropped, or will be; their hours stay as they are.
CREATE TABLE usage_horizon (
    id   integer PRIMARY KEY CHECK (id = 1),
    hour timestamptz NOT NULL
);
INSERT INTO usage_horizon (id, hour) VALUES (1, '1970-01-01T00:00:00Z');

INSERT INTO usage_marks (hour, until, day, low, high)
SELECT hour, hour + interval '1 hour', date_trunc('day', hour, 'UTC'), min(id), max(id)
FROM (SELECT date_trunc('hour', created_at, 'UTC') AS hour, id::text COLLATE "C" AS id
      FROM usage_logs) AS logged
GROUP BY hour;

-- Drops the oldest day that is before the horizon; false: there is none. Both steps wait for those
-- who read the table: not for longer than lock_timeout.
CREATE FUNCTION usage_logs_drop_day(horizon timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    oldest text;
BEGIN
    SELECT min(c.relname COLLATE "C") INTO oldest
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'usage_logs'::regclass
      AND c.relname::text COLLATE "C" <
          'usage_logs_' || to_char(horizon AT TIME ZONE 'UTC', 'YYYYMMDD');
    IF oldest IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('ALTER TABLE usage_logs DETACH PARTITION %I', oldest);
    EXECUTE format('DROP TABLE %I', oldest);
    RETURN true;
END $$;
