-- Rows are found by their request_id, which says nothing of the time. An index over the ids alone
-- would be written to all over: each new row another page of it. So it begins anew every 17 minutes
-- and a half, which is what the first characters of a row's id tell; and it has the last characters
-- of the request's id only, which are those that differ.
CREATE INDEX usage_logs_request ON usage_logs (substr(id, 1, 7), substr(request_id, -7));
CREATE INDEX prompt_logs_request ON prompt_logs (substr(id, 1, 7), substr(request_id, -7));
