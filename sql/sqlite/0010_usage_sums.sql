-- Sums of usage for spans of several lengths, so that a question reads few of them: a minute for
-- the hour that goes on, then an hour, six hours, a day, five days, thirty days. A span is told by
-- its length and its start, both in minutes (since 1970, UTC); it starts at a multiple of its length.
--
-- Whoever writes usage leaves a mark for the minutes of it, in the same transaction. The housekeeper
-- works a minute that is over out from its rows, as a whole, and takes the marks that it saw; longer
-- spans are summed from shorter ones. An hour's minutes end some hours after it: rows that come still
-- later make the hour be worked out from all of its rows. What is marked counts from its rows, so a
-- sum is exact at any time.

-- How finely sums are cut: in one, by provider and model, by user and key, by all of these.
CREATE TABLE usage_cuts (
    cut      INTEGER PRIMARY KEY,
    by_key   INTEGER NOT NULL,
    by_model INTEGER NOT NULL
);
INSERT INTO usage_cuts (cut, by_key, by_model) VALUES (0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 1, 1);

-- What a sum is of. 0 and empty: all. model: as it was asked for.
CREATE TABLE usage_subjects (
    id       INTEGER PRIMARY KEY,
    cut      INTEGER NOT NULL,
    user_id  INTEGER NOT NULL,
    key_id   INTEGER NOT NULL,
    provider TEXT NOT NULL,
    model    TEXT NOT NULL
);
CREATE UNIQUE INDEX usage_subjects_all ON usage_subjects (cut, key_id, user_id, provider, model);

-- errors: all whose status is not ok. first_tokens: how many had one. latency_NN, first_NN: how many
-- took more than what is before it and at most 10, 20, 50, 100, 200, 350, 500, 750, 1000, 1500, 2000,
-- 3000, 5000, 7500, 10000, 15000, 20000, 30000, 60000, 120000 ms. NULL is 0, without its room.
CREATE TABLE usage_sums (
    subject            INTEGER NOT NULL,
    span               INTEGER NOT NULL,
    start              INTEGER NOT NULL,
    requests           INTEGER,
    errors             INTEGER,
    attempts           INTEGER,
    fallbacks          INTEGER,
    prompt_tokens      INTEGER,
    completion_tokens  INTEGER,
    total_tokens       INTEGER,
    cached_tokens      INTEGER,
    cache_write_tokens INTEGER,
    reasoning_tokens   INTEGER,
    request_bytes      INTEGER,
    response_bytes     INTEGER,
    latency_ms         INTEGER,
    first_token_ms     INTEGER,
    first_tokens       INTEGER,
    latency_00 INTEGER, latency_01 INTEGER, latency_02 INTEGER, latency_03 INTEGER,
    latency_04 INTEGER, latency_05 INTEGER, latency_06 INTEGER, latency_07 INTEGER,
    latency_08 INTEGER, latency_09 INTEGER, latency_10 INTEGER, latency_11 INTEGER,
    latency_12 INTEGER, latency_13 INTEGER, latency_14 INTEGER, latency_15 INTEGER,
    latency_16 INTEGER, latency_17 INTEGER, latency_18 INTEGER, latency_19 INTEGER,
    first_00 INTEGER, first_01 INTEGER, first_02 INTEGER, first_03 INTEGER,
    first_04 INTEGER, first_05 INTEGER, first_06 INTEGER, first_07 INTEGER,
    first_08 INTEGER, first_09 INTEGER, first_10 INTEGER, first_11 INTEGER,
    first_12 INTEGER, first_13 INTEGER, first_14 INTEGER, first_15 INTEGER,
    first_16 INTEGER, first_17 INTEGER, first_18 INTEGER, first_19 INTEGER,
    PRIMARY KEY (subject, span, start)
) WITHOUT ROWID;
CREATE INDEX usage_sums_start ON usage_sums (span, start);

-- The spans that are worked out. low, high: the least and the greatest id among the rows; empty when
-- those have ended.
CREATE TABLE usage_spans (
    span  INTEGER NOT NULL,
    start INTEGER NOT NULL,
    low   TEXT NOT NULL,
    high  TEXT NOT NULL,
    PRIMARY KEY (span, start)
) WITHOUT ROWID;

INSERT INTO usage_subjects (cut, user_id, key_id, provider, model)
SELECT DISTINCT c.cut, h.user_id * c.by_key, h.key_id * c.by_key,
    CASE WHEN c.by_model = 1 THEN h.provider ELSE '' END,
    CASE WHEN c.by_model = 1 THEN h.requested_model ELSE '' END
FROM usage_hourly h CROSS JOIN usage_cuts c;
INSERT INTO usage_sums
SELECT s.id, 60, CAST(strftime('%s', hour) AS INTEGER) / 60,
    requests, errors, attempts, fallbacks,
    prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_write_tokens, reasoning_tokens, request_bytes, response_bytes,
    latency_ms, first_token_ms, first_tokens,
    latency_00, latency_01, latency_02, latency_03,
    latency_04, latency_05, latency_06, latency_07,
    latency_08, latency_09, latency_10, latency_11,
    latency_12, latency_13, latency_14, latency_15,
    latency_16, latency_17, latency_18, latency_19,
    first_00, first_01, first_02, first_03,
    first_04, first_05, first_06, first_07,
    first_08, first_09, first_10, first_11,
    first_12, first_13, first_14, first_15,
    first_16, first_17, first_18, first_19
FROM (
    SELECT h.hour, c.cut, h.user_id * c.by_key AS user_id, h.key_id * c.by_key AS key_id,
        CASE WHEN c.by_model = 1 THEN h.provider ELSE '' END AS provider,
        CASE WHEN c.by_model = 1 THEN h.requested_model ELSE '' END AS model,
        sum(requests) AS requests,
        sum(CASE WHEN h.status = 'ok' THEN 0 ELSE requests END) AS errors,
        nullif(sum(attempts), 0) AS attempts, nullif(sum(fallbacks), 0) AS fallbacks,
        nullif(sum(prompt_tokens), 0) AS prompt_tokens, nullif(sum(completion_tokens), 0) AS completion_tokens,
        nullif(sum(total_tokens), 0) AS total_tokens, nullif(sum(cached_tokens), 0) AS cached_tokens,
        nullif(sum(cache_write_tokens), 0) AS cache_write_tokens, nullif(sum(reasoning_tokens), 0) AS reasoning_tokens,
        nullif(sum(request_bytes), 0) AS request_bytes, nullif(sum(response_bytes), 0) AS response_bytes,
        nullif(sum(latency_ms), 0) AS latency_ms, nullif(sum(first_token_ms), 0) AS first_token_ms,
        nullif(sum(first_tokens), 0) AS first_tokens,
        nullif(sum(latency_00), 0) AS latency_00,
        nullif(sum(latency_01) - sum(latency_00), 0) AS latency_01,
        nullif(sum(latency_02) - sum(latency_01), 0) AS latency_02,
        nullif(sum(latency_03) - sum(latency_02), 0) AS latency_03,
        nullif(sum(latency_04) - sum(latency_03), 0) AS latency_04,
        nullif(sum(latency_05) - sum(latency_04), 0) AS latency_05,
        nullif(sum(latency_06) - sum(latency_05), 0) AS latency_06,
        nullif(sum(latency_07) - sum(latency_06), 0) AS latency_07,
        nullif(sum(latency_08) - sum(latency_07), 0) AS latency_08,
        nullif(sum(latency_09) - sum(latency_08), 0) AS latency_09,
        nullif(sum(latency_10) - sum(latency_09), 0) AS latency_10,
        nullif(sum(latency_11) - sum(latency_10), 0) AS latency_11,
        nullif(sum(latency_12) - sum(latency_11), 0) AS latency_12,
        nullif(sum(latency_13) - sum(latency_12), 0) AS latency_13,
        nullif(sum(latency_14) - sum(latency_13), 0) AS latency_14,
        nullif(sum(latency_15) - sum(latency_14), 0) AS latency_15,
        nullif(sum(latency_16) - sum(latency_15), 0) AS latency_16,
        nullif(sum(latency_17) - sum(latency_16), 0) AS latency_17,
        nullif(sum(latency_18) - sum(latency_17), 0) AS latency_18,
        nullif(sum(latency_19) - sum(latency_18), 0) AS latency_19,
        nullif(sum(first_00), 0) AS first_00,
        nullif(sum(first_01) - sum(first_00), 0) AS first_01,
        nullif(sum(first_02) - sum(first_01), 0) AS first_02,
        nullif(sum(first_03) - sum(first_02), 0) AS first_03,
        nullif(sum(first_04) - sum(first_03), 0) AS first_04,
        nullif(sum(first_05) - sum(first_04), 0) AS first_05,
        nullif(sum(first_06) - sum(first_05), 0) AS first_06,
        nullif(sum(first_07) - sum(first_06), 0) AS first_07,
        nullif(sum(first_08) - sum(first_07), 0) AS first_08,
        nullif(sum(first_09) - sum(first_08), 0) AS first_09,
        nullif(sum(first_10) - sum(first_09), 0) AS first_10,
        nullif(sum(first_11) - sum(first_10), 0) AS first_11,
        nullif(sum(first_12) - sum(first_11), 0) AS first_12,
        nullif(sum(first_13) - sum(first_12), 0) AS first_13,
        nullif(sum(first_14) - sum(first_13), 0) AS first_14,
        nullif(sum(first_15) - sum(first_14), 0) AS first_15,
        nullif(sum(first_16) - sum(first_15), 0) AS first_16,
        nullif(sum(first_17) - sum(first_16), 0) AS first_17,
        nullif(sum(first_18) - sum(first_17), 0) AS first_18,
        nullif(sum(first_19) - sum(first_18), 0) AS first_19
    FROM usage_hourly h CROSS JOIN usage_cuts c GROUP BY 1, 2, 3, 4, 5, 6
) AS k JOIN usage_subjects s ON s.cut = k.cut AND s.key_id = k.key_id AND s.user_id = k.user_id
    AND s.provider = k.provider AND s.model = k.model;

-- Marked hours are begun anew: from their rows.
INSERT INTO usage_spans (span, start, low, high)
SELECT 60, CAST(strftime('%s', hour) AS INTEGER) / 60, min(low), max(high)
FROM (SELECT hour, low, high FROM usage_hours UNION ALL
      SELECT hour, low, high FROM usage_marks) AS known
GROUP BY hour;
INSERT INTO usage_spans (span, start, low, high)
SELECT DISTINCT 60, CAST(strftime('%s', hour) AS INTEGER) / 60, '', ''
FROM usage_hourly WHERE true ON CONFLICT DO NOTHING;
DROP INDEX usage_marks_hour;
ALTER TABLE usage_marks ADD COLUMN minute INTEGER NOT NULL DEFAULT 0;
UPDATE usage_marks SET minute = CAST(strftime('%s', hour) AS INTEGER) / 60;
ALTER TABLE usage_marks DROP COLUMN hour;
ALTER TABLE usage_marks DROP COLUMN until;
ALTER TABLE usage_marks DROP COLUMN day;
CREATE INDEX usage_marks_minute ON usage_marks (minute);
DROP TABLE usage_hours;
DROP TABLE usage_hourly;

-- Rows of usage_logs before this were deleted, or will be; their sums stay as they are.
ALTER TABLE usage_horizon ADD COLUMN minute INTEGER NOT NULL DEFAULT 0;
UPDATE usage_horizon SET minute = CAST(strftime('%s', hour) AS INTEGER) / 60;
ALTER TABLE usage_horizon DROP COLUMN hour;
