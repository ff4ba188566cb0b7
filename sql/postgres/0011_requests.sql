-- Rows are found by their request_id: by the last characters of it, which are those that differ.
-- Each day has an index of its own. created_at: so that a page of the rows of one id, however many
-- there are, is read in the order in which it is shown.
CREATE INDEX usage_logs_request ON usage_logs ((right(request_id, 7)) COLLATE "C", created_at);
CREATE INDEX prompt_logs_request ON prompt_logs ((right(request_id, 7)) COLLATE "C", created_at);
