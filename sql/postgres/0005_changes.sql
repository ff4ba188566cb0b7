-- What changed since: so that a process that serves loads that and no more.

-- changed: the catalog's version when the key or its user last changed.
ALTER TABLE api_keys ADD COLUMN changed bigint NOT NULL DEFAULT 0;
CREATE INDEX api_keys_changes ON api_keys (changed, id);

-- registry_version: when a provider, a model or a target last changed.
-- keys_gone: when a key last went without a row that says so (deleted, or under another hash):
-- whoever has loaded an older version loads all keys.
ALTER TABLE catalog
    ADD COLUMN registry_version bigint NOT NULL DEFAULT 1,
    ADD COLUMN keys_gone bigint NOT NULL DEFAULT 1;

CREATE FUNCTION registry_moves() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    moved bigint := catalog_move();
BEGIN
    UPDATE catalog SET registry_version = moved WHERE registry_version <> moved;
    RETURN NULL;
END $$;

CREATE FUNCTION keys_go() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    moved bigint := catalog_move();
BEGIN
    UPDATE catalog SET keys_gone = moved WHERE keys_gone <> moved;
    RETURN NULL;
END $$;

CREATE FUNCTION key_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed := catalog_move();
    RETURN NEW;
END $$;

CREATE FUNCTION user_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE api_keys SET changed = catalog_move() WHERE user_id = NEW.id;
    PERFORM catalog_move();
    RETURN NULL;
END $$;

DROP TRIGGER users_updated ON users;
CREATE TRIGGER users_updated AFTER UPDATE ON users
FOR EACH ROW EXECUTE FUNCTION user_changes();

DROP TRIGGER api_keys_changed ON api_keys;
CREATE TRIGGER api_keys_inserted BEFORE INSERT ON api_keys
FOR EACH ROW EXECUTE FUNCTION key_changes();
-- Only the columns that requests depend on.
CREATE TRIGGER api_keys_updated
BEFORE UPDATE OF user_id, name, is_admin, status, rpm, tpm, concurrency, models, expires_at
ON api_keys
FOR EACH ROW EXECUTE FUNCTION key_changes();
CREATE TRIGGER api_keys_moved AFTER UPDATE OF id, hash ON api_keys
FOR EACH ROW WHEN (NEW.hash <> OLD.hash OR NEW.id <> OLD.id) EXECUTE FUNCTION keys_go();
CREATE TRIGGER api_keys_deleted AFTER DELETE ON api_keys
FOR EACH ROW EXECUTE FUNCTION keys_go();

DROP TRIGGER providers_changed ON providers;
CREATE TRIGGER providers_changed AFTER INSERT OR UPDATE OR DELETE ON providers
FOR EACH ROW EXECUTE FUNCTION registry_moves();
DROP TRIGGER models_changed ON models;
CREATE TRIGGER models_changed AFTER INSERT OR UPDATE OR DELETE ON models
FOR EACH ROW EXECUTE FUNCTION registry_moves();
DROP TRIGGER model_targets_changed ON model_targets;
CREATE TRIGGER model_targets_changed AFTER INSERT OR UPDATE OR DELETE ON model_targets
FOR EACH ROW EXECUTE FUNCTION registry_moves();
