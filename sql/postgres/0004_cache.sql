-- Answers that are kept for a short time, for the same call again.

-- cache_ms: how long, 0: not at all; cache_shared: for all keys, else each for the key that asked.
ALTER TABLE models
    ADD COLUMN cache_ms bigint NOT NULL DEFAULT 0,
    ADD COLUMN cache_shared boolean NOT NULL DEFAULT false;
