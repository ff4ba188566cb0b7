-- Prompts and answers, apart from everything else: only with store_prompts, and only for a while: a
-- partition for each day (UTC), as usage_logs.
-- id: of the row in usage_logs. mode: redacted, full. cut: what is not whole: request, answer, both.
CREATE TABLE prompt_logs (
    id         uuid NOT NULL,
    request_id text NOT NULL,
    created_at timestamptz NOT NULL,
    user_id    bigint NOT NULL,
    key_id     bigint NOT NULL,
    endpoint   text NOT NULL,
    model      text NOT NULL,
    status     text NOT NULL,
    mode       text NOT NULL,
    request    text NOT NULL,
    answer     text NOT NULL,
    cut        text,
    PRIMARY KEY (created_at, id)
) PARTITION BY RANGE (created_at);

-- What tables with a partition for each day have in common. With the rights of whoever asks: the
-- functions of each table below are its owner's.
CREATE FUNCTION day_partition_make(parent text, day date) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    partition text := parent || '_' || to_char(day, 'YYYYMMDD');
BEGIN
    PERFORM pg_advisory_xact_lock(x'757361676564'::bigint);
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', partition, parent);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   parent, partition, day::timestamp AT TIME ZONE 'UTC',
                   (day + 1)::timestamp AT TIME ZONE 'UTC');
END $$;

CREATE FUNCTION day_partition_drop(parent text, horizon timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    oldest text;
BEGIN
    SELECT min(c.relname COLLATE "C") INTO oldest
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass(parent)
      AND c.relname::text COLLATE "C" <
          parent || '_' || to_char(horizon AT TIME ZONE 'UTC', 'YYYYMMDD');
    IF oldest IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, oldest);
    EXECUTE format('DROP TABLE %I', oldest);
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION usage_logs_make_day(day date) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS
$$ SELECT day_partition_make('usage_logs', day) $$;

CREATE OR REPLACE FUNCTION usage_logs_drop_day(horizon timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS
$$ SELECT day_partition_drop('usage_logs', horizon) $$;

CREATE FUNCTION prompt_logs_make_day(day date) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS
$$ SELECT day_partition_make('prompt_logs', day) $$;

CREATE FUNCTION prompt_logs_drop_day(horizon timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS
$$ SELECT day_partition_drop('prompt_logs', horizon) $$;
