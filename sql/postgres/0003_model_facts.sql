-- What is known of a model, for clients and for providers that must be told.

-- max_tokens: of an answer when the caller gives no limit and the provider insists on one;
-- context_window: of prompt and answer together. Tokens, 0: not known.
-- modalities: comma-separated: text, image, audio, file; empty: not known.
ALTER TABLE models
    ADD COLUMN max_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN context_window bigint NOT NULL DEFAULT 0,
    ADD COLUMN modalities text NOT NULL DEFAULT '';
