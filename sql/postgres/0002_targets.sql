-- Several targets of a model, and how it behaves when one fails.

-- fallback_on: comma-separated faults of a caller's request that the fallback may answer.
-- keepalive_ms: comments while waiting for the first content, 0: none.
-- rescue: a stream that was cut may go on elsewhere when that is verified to be the same.
ALTER TABLE models
    ADD COLUMN fallback_on text NOT NULL DEFAULT '',
    ADD COLUMN keepalive_ms bigint NOT NULL DEFAULT 0,
    ADD COLUMN rescue boolean NOT NULL DEFAULT false;

-- What is empty is as the model's own; a model without rows here is its only target.
-- sealed_key: as that of providers, bound to "target:MODEL:N", N being the row's place from 1 in
-- the order of position.
CREATE TABLE model_targets (
    model          text COLLATE "C" NOT NULL REFERENCES models (name) ON DELETE CASCADE,
    position       integer NOT NULL,
    provider       text NOT NULL,
    upstream_model text NOT NULL,
    endpoint       text NOT NULL,
    sealed_key     bytea,
    PRIMARY KEY (model, position)
);

CREATE TRIGGER model_targets_changed AFTER INSERT OR UPDATE OR DELETE ON model_targets
FOR EACH ROW EXECUTE FUNCTION catalog_moves();
