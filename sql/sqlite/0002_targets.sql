-- Several targets of a model, and how it behaves when one fails.

-- fallback_on: comma-separated faults of a caller's request that the fallback may answer.
-- keepalive_ms: comments while waiting for the first content, 0: none.
-- rescue: 1: a stream that was cut may go on elsewhere when that is verified to be the same.
ALTER TABLE models ADD COLUMN fallback_on TEXT NOT NULL DEFAULT '';
ALTER TABLE models ADD COLUMN keepalive_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE models ADD COLUMN rescue INTEGER NOT NULL DEFAULT 0;

-- What is empty is as the model's own; a model without rows here is its only target.
-- sealed_key: as that of providers, bound to "target:MODEL:N", N being the row's place from 1 in
-- the order of position.
CREATE TABLE model_targets (
    model          TEXT NOT NULL REFERENCES models (name) ON DELETE CASCADE,
    position       INTEGER NOT NULL,
    provider       TEXT NOT NULL,
    upstream_model TEXT NOT NULL,
    endpoint       TEXT NOT NULL,
    sealed_key     BLOB,
    PRIMARY KEY (model, position)
) WITHOUT ROWID;

CREATE TRIGGER model_targets_inserted AFTER INSERT ON model_targets
BEGIN UPDATE catalog SET version = version + 1; END;
CREATE TRIGGER model_targets_updated AFTER UPDATE ON model_targets
BEGIN UPDATE catalog SET version = version + 1; END;
CREATE TRIGGER model_targets_deleted AFTER DELETE ON model_targets
BEGIN UPDATE catalog SET version = version + 1; END;
