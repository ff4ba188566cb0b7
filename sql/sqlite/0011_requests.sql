-- Rows are found by their request_id, which says nothing of the time. An index over the ids alone
-- would be written to all over: each new row another page of it. So it begins anew every 17 minutes
-- and a half, which is what the first characters of a row's id tell; and of the request's id it has
-- the first and the last characters only: callers write one prefix, or one suffix, to all of theirs.
CREATE INDEX usage_logs_request ON usage_logs
    (substr(id, 1, 7), substr(request_id, 1, 3) || substr(request_id, -5));
CREATE INDEX prompt_logs_request ON prompt_logs
    (substr(id, 1, 7), substr(request_id, 1, 3) || substr(request_id, -5));
