/* usage_sums_writer.c: see usage_sums_writer.h. */

#include "wire/usage_sums_writer.h"

#include "codec/json_out.h"
#include "wire/entry_writer.h"

const char *const usage_group_words[] = {
    "none", "hour", "day", "model", "provider", "user", "key", NULL,
};

static void write_number(struct json_out *o, const char *name, uint64_t n)
{
    json_out_comma(o);
    json_out_quote(o, slice_str(name));
    json_out_char(o, ':');
    json_out_u64(o, n);
}

static void write_group(struct json_out *o, enum usage_group group, const struct usage_sums *s)
{
    json_out_name(o, "group");
    if (s->group.len)
        entry_write_text(o, s->group);
    else
        json_out_literal(o, "null");
    if (group == USAGE_BY_USER)
        write_number(o, "user_id", (uint64_t)s->id);
    if (group == USAGE_BY_KEY)
        write_number(o, "key_id", (uint64_t)s->id);
}

static void write_sums(struct json_out *o, const struct usage_sums *s)
{
    write_number(o, "requests", s->requests);
    write_number(o, "errors", s->errors);
    write_number(o, "prompt_tokens", s->prompt_tokens);
    write_number(o, "completion_tokens", s->completion_tokens);
    write_number(o, "total_tokens", s->total_tokens);
    write_number(o, "cached_tokens", s->cached_tokens);
    write_number(o, "cache_write_tokens", s->cache_write_tokens);
    write_number(o, "reasoning_tokens", s->reasoning_tokens);
    write_number(o, "latency_p50_ms", s->latency.p50);
    write_number(o, "latency_p95_ms", s->latency.p95);
    write_number(o, "latency_p99_ms", s->latency.p99);
    write_number(o, "first_token_p50_ms", s->first_token.p50);
    write_number(o, "first_token_p95_ms", s->first_token.p95);
    write_number(o, "first_token_p99_ms", s->first_token.p99);
}

static void write_next(struct json_out *o, size_t next)
{
    if (!next) {
        json_out_literal(o, "null");
        return;
    }
    json_out_char(o, '"');
    json_out_u64(o, next);
    json_out_char(o, '"');
}

struct slice usage_sums_json(const struct usage_sums_wish *wish, const struct usage_sums *rows,
                             size_t n, struct arena *a)
{
    struct json_out o;

    json_out_begin(&o, a, 256 + n * 448);
    json_out_char(&o, '{');
    json_out_name(&o, "from");
    entry_write_time(&o, wish->from_wall_us);
    json_out_name(&o, "to");
    entry_write_time(&o, wish->to_wall_us);
    json_out_name(&o, "group_by");
    entry_write_text(&o, slice_str(usage_group_words[wish->group]));
    json_out_name(&o, "data");
    json_out_char(&o, '[');
    for (size_t i = 0; i < n; i++) {
        json_out_comma(&o);
        json_out_char(&o, '{');
        write_group(&o, wish->group, &rows[i]);
        write_sums(&o, &rows[i]);
        json_out_char(&o, '}');
    }
    json_out_literal(&o, "],\"next\":");
    write_next(&o, wish->next);
    json_out_char(&o, '}');
    return json_out_slice(&o);
}
