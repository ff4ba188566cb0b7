-- What administrators change: states, versions, rotation, limits for single models, and the trail
-- of it all.

-- version: moves with each change that an administrator makes, for whoever read it before.
-- disabled: 1: the user's keys are refused. A deleted user stays for the rows of usage_logs; its
-- name becomes "NAME (deleted ID)".
ALTER TABLE users ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE users ADD COLUMN updated_at TEXT;
ALTER TABLE users ADD COLUMN deleted_at TEXT;

-- old_hash: of the key before the last rotation, good until old_until; it stays when that is over.
-- model_limits: "RPM/TPM/CONCURRENCY/MODEL,…"; 0: no limit.
ALTER TABLE api_keys ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN model_limits TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN old_hash BLOB;
ALTER TABLE api_keys ADD COLUMN old_until TEXT;
ALTER TABLE api_keys ADD COLUMN last_used_at TEXT;
ALTER TABLE api_keys ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE api_keys ADD COLUMN updated_at TEXT;

ALTER TABLE providers ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE providers ADD COLUMN updated_at TEXT;

ALTER TABLE models ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE models ADD COLUMN updated_at TEXT;

-- Only what requests depend on; not the last use of a key.
DROP TRIGGER api_keys_updated;
CREATE TRIGGER api_keys_updated
AFTER UPDATE OF user_id, name, hash, is_admin, status, rpm, tpm, concurrency, models, expires_at,
    disabled, model_limits, old_hash, old_until
ON api_keys
BEGIN
    UPDATE catalog SET version = version + 1;
    UPDATE api_keys SET changed = (SELECT version FROM catalog) WHERE id = NEW.id;
END;
-- A hash that no column names any more; a rotation moves it to old_hash.
DROP TRIGGER api_keys_moved;
CREATE TRIGGER api_keys_moved AFTER UPDATE OF id, hash, old_hash ON api_keys
WHEN NEW.id <> OLD.id
    OR (NEW.hash <> OLD.hash AND (NEW.old_hash IS NULL OR NEW.old_hash <> OLD.hash))
    OR (OLD.old_hash IS NOT NULL AND NEW.hash <> OLD.old_hash
        AND (NEW.old_hash IS NULL OR NEW.old_hash <> OLD.old_hash))
BEGIN UPDATE catalog SET version = version + 1, keys_gone = version + 1; END;

-- Who changed what. before_json, after_json: the object as the API showed it, without secrets.
CREATE TABLE audit_log (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at  TEXT NOT NULL,
    key_id      INTEGER NOT NULL,
    user_id     INTEGER NOT NULL,
    request_id  TEXT NOT NULL,
    action      TEXT NOT NULL,
    object_type TEXT NOT NULL,
    object_id   TEXT NOT NULL,
    before_json TEXT,
    after_json  TEXT
);
CREATE INDEX audit_log_object ON audit_log (object_type, object_id, id);
