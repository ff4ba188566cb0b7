-- Users, keys, providers, models and the usage log.
-- Times are RFC 3339 text in UTC; NULL means never. Limits of 0 mean none.

CREATE TABLE users (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL
);

-- hash: HMAC-SHA-256 of the key; the key itself is stored nowhere.
-- models: comma-separated names, empty: all. from_file: the configured admin key.
CREATE TABLE api_keys (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id     INTEGER NOT NULL REFERENCES users (id),
    name        TEXT NOT NULL,
    prefix      TEXT NOT NULL,
    hash        BLOB NOT NULL UNIQUE,
    is_admin    INTEGER NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('active', 'revoked')),
    rpm         INTEGER NOT NULL,
    tpm         INTEGER NOT NULL,
    concurrency INTEGER NOT NULL,
    models      TEXT NOT NULL,
    expires_at  TEXT,
    created_at  TEXT NOT NULL,
    from_file   INTEGER NOT NULL
);
CREATE INDEX api_keys_user ON api_keys (user_id);

-- sealed_key: AES-256-GCM under a key derived from secret_key, bound to "provider:NAME".
-- from_file: 1 when the configuration file says so; 2 only inside of the transaction that renews
-- the file's entries.
CREATE TABLE providers (
    name       TEXT NOT NULL PRIMARY KEY,
    type       TEXT NOT NULL,
    base_url   TEXT NOT NULL,
    sealed_key BLOB,
    created_at TEXT NOT NULL,
    from_file  INTEGER NOT NULL
);

-- provider is a name and no reference: a model may wait for its provider.
CREATE TABLE models (
    name           TEXT NOT NULL PRIMARY KEY,
    provider       TEXT NOT NULL,
    upstream_model TEXT NOT NULL,
    endpoint       TEXT NOT NULL,
    sealed_key     BLOB,
    timeout_ms     INTEGER NOT NULL,
    retries        INTEGER NOT NULL,
    fallback       TEXT NOT NULL,
    created_at     TEXT NOT NULL,
    from_file      INTEGER NOT NULL
);

-- One row per authenticated request. id is a UUIDv7: its order is the order of time, so the table is
-- kept in the order in which it is read (newest first, a span of time) and needs no other index.
CREATE TABLE usage_logs (
    id                 TEXT NOT NULL PRIMARY KEY,
    request_id         TEXT NOT NULL,
    created_at         TEXT NOT NULL,
    user_id            INTEGER NOT NULL,
    key_id             INTEGER NOT NULL,
    endpoint           TEXT NOT NULL,
    requested_model    TEXT,
    served_model       TEXT,
    provider           TEXT,
    stream             INTEGER NOT NULL,
    status             TEXT NOT NULL,
    http_status        INTEGER NOT NULL,
    error_code         TEXT,
    attempts           INTEGER NOT NULL,
    fallback_used      INTEGER NOT NULL,
    prompt_tokens      INTEGER NOT NULL,
    completion_tokens  INTEGER NOT NULL,
    total_tokens       INTEGER NOT NULL,
    cached_tokens      INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    reasoning_tokens   INTEGER NOT NULL,
    usage_source       TEXT NOT NULL,
    latency_ms         INTEGER NOT NULL,
    first_token_ms     INTEGER,
    request_bytes      INTEGER NOT NULL,
    response_bytes     INTEGER NOT NULL
) WITHOUT ROWID;

-- Moves with every change of what a snapshot is made of, whoever made it: processes that serve
-- watch it.
CREATE TABLE catalog (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
);
INSERT INTO catalog (id, version) VALUES (1, 1);

CREATE TRIGGER users_updated AFTER UPDATE ON users
BEGIN UPDATE catalog SET version = version + 1; END;

CREATE TRIGGER api_keys_inserted AFTER INSERT ON api_keys
BEGIN UPDATE catalog SET version = version + 1; END;
CREATE TRIGGER api_keys_updated AFTER UPDATE ON api_keys
BEGIN UPDATE catalog SET version = version + 1; END;
CREATE TRIGGER api_keys_deleted AFTER DELETE ON api_keys
BEGIN UPDATE catalog SET version = version + 1; END;

CREATE TRIGGER providers_inserted AFTER INSERT ON providers
BEGIN UPDATE catalog SET version = version + 1; END;
CREATE TRIGGER providers_updated AFTER UPDATE ON providers
BEGIN UPDATE catalog SET version = version + 1; END;
CREATE TRIGGER providers_deleted AFTER DELETE ON providers
BEGIN UPDATE catalog SET version = version + 1; END;

CREATE TRIGGER models_inserted AFTER INSERT ON models
BEGIN UPDATE catalog SET version = version + 1; END;
CREATE TRIGGER models_updated AFTER UPDATE ON models
BEGIN UPDATE catalog SET version = version + 1; END;
CREATE TRIGGER models_deleted AFTER DELETE ON models
BEGIN UPDATE catalog SET version = version + 1; END;
