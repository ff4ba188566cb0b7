-- Prompts and answers, apart from everything else: only with store_prompts, and only for a while.
-- id: of the row in usage_logs. mode: redacted, full. cut: what is not whole: request, answer, both.
CREATE TABLE prompt_logs (
    id         TEXT NOT NULL PRIMARY KEY,
    request_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    user_id    INTEGER NOT NULL,
    key_id     INTEGER NOT NULL,
    endpoint   TEXT NOT NULL,
    model      TEXT NOT NULL,
    status     TEXT NOT NULL,
    mode       TEXT NOT NULL,
    request    TEXT NOT NULL,
    answer     TEXT NOT NULL,
    cut        TEXT
);
