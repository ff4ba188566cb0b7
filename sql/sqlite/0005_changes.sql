-- What changed since: so that a process that serves loads that and no more.

-- changed: the catalog's version when the key or its user last changed.
ALTER TABLE api_keys ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX api_keys_changed ON api_keys (changed, id);

-- registry_version: when a provider, a model or a target last changed.
-- keys_gone: when a key last went without a row that says so (deleted, or under another hash):
-- whoever has loaded an older version loads all keys.
ALTER TABLE catalog ADD COLUMN registry_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE catalog ADD COLUMN keys_gone INTEGER NOT NULL DEFAULT 1;

DROP TRIGGER users_updated;
CREATE TRIGGER users_updated AFTER UPDATE ON users
BEGIN
    UPDATE catalog SET version = version + 1;
    UPDATE api_keys SET changed = (SELECT version FROM catalog) WHERE user_id = NEW.id;
END;

DROP TRIGGER api_keys_inserted;
CREATE TRIGGER api_keys_inserted AFTER INSERT ON api_keys
BEGIN
    UPDATE catalog SET version = version + 1;
    UPDATE api_keys SET changed = (SELECT version FROM catalog) WHERE id = NEW.id;
END;
-- Only the columns that requests depend on.
DROP TRIGGER api_keys_updated;
CREATE TRIGGER api_keys_updated
AFTER UPDATE OF user_id, name, is_admin, status, rpm, tpm, concurrency, models, expires_at
ON api_keys
BEGIN
    UPDATE catalog SET version = version + 1;
    UPDATE api_keys SET changed = (SELECT version FROM catalog) WHERE id = NEW.id;
END;
CREATE TRIGGER api_keys_moved AFTER UPDATE OF id, hash ON api_keys
WHEN NEW.hash <> OLD.hash OR NEW.id <> OLD.id
BEGIN UPDATE catalog SET version = version + 1, keys_gone = version + 1; END;
DROP TRIGGER api_keys_deleted;
CREATE TRIGGER api_keys_deleted AFTER DELETE ON api_keys
BEGIN UPDATE catalog SET version = version + 1, keys_gone = version + 1; END;

DROP TRIGGER providers_inserted;
CREATE TRIGGER providers_inserted AFTER INSERT ON providers
BEGIN UPDATE catalog SET version = version + 1, registry_version = version + 1; END;
DROP TRIGGER providers_updated;
CREATE TRIGGER providers_updated AFTER UPDATE ON providers
BEGIN UPDATE catalog SET version = version + 1, registry_version = version + 1; END;
DROP TRIGGER providers_deleted;
CREATE TRIGGER providers_deleted AFTER DELETE ON providers
BEGIN UPDATE catalog SET version = version + 1, registry_version = version + 1; END;

DROP TRIGGER models_inserted;
CREATE TRIGGER models_inserted AFTER INSERT ON models
BEGIN UPDATE catalog SET version = version + 1, registry_version = version + 1; END;
DROP TRIGGER models_updated;
CREATE TRIGGER models_updated AFTER UPDATE ON models
BEGIN UPDATE catalog SET version = version + 1, registry_version = version + 1; END;
DROP TRIGGER models_deleted;
CREATE TRIGGER models_deleted AFTER DELETE ON models
BEGIN UPDATE catalog SET version = version + 1, registry_version = version + 1; END;

DROP TRIGGER model_targets_inserted;
CREATE TRIGGER model_targets_inserted AFTER INSERT ON model_targets
BEGIN UPDATE catalog SET version = version + 1, registry_version = version + 1; END;
DROP TRIGGER model_targets_updated;
CREATE TRIGGER model_targets_updated AFTER UPDATE ON model_targets
BEGIN UPDATE catalog SET version = version + 1, registry_version = version + 1; END;
DROP TRIGGER model_targets_deleted;
CREATE TRIGGER model_targets_deleted AFTER DELETE ON model_targets
BEGIN UPDATE catalog SET version = version + 1, registry_version = version + 1; END;
