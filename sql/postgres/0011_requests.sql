-- Rows are found by their request_id: by a hash of it, which is shorter. Each day has an index of
-- its own. created_at: so that a page of the rows of one id, however many there are, is read in the
-- order in which it is shown; an index of the kind "hash" would walk all of them for each insert.
CREATE INDEX usage_logs_request ON usage_logs (hashtext(request_id), created_at);
CREATE INDEX prompt_logs_request ON prompt_logs (hashtext(request_id), created_at);
