-- Rows are found by their request_id, which need not tell anything of the time. An index over the
-- ids alone would then be written to all over: each new row another page of it. So it begins anew
-- every 17 minutes and a half, which is what the first characters of a row's id tell. Of the
-- request's id it has the first characters, which ascend with the time in ids that are courier's
-- own, so that those are written at its end, and the last: callers write one prefix, or one suffix,
-- to all of theirs.
CREATE INDEX usage_logs_request ON usage_logs
    (substr(id, 1, 7), substr(request_id, 1, 8) || substr(request_id, -5));
CREATE INDEX prompt_logs_request ON prompt_logs
    (substr(id, 1, 7), substr(request_id, 1, 8) || substr(request_id, -5));
