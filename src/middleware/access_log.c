/* access_log.c: the line that tells how a request went. */

#include "middleware/access_log.h"

#include "base/ids.h"
#include "base/log.h"
#include "web/chain.h"
#include "web/exchange.h"
#include "web/shown.h"

enum { LINE_FIELDS = 30, TEXT_SHOWN = 256 };

struct line {
    struct log_field at[LINE_FIELDS];
    size_t len;
};

static void line_add(struct line *l, struct log_field field)
{
    l->at[l->len++] = field;
}

/* Texts that are absent are left out; what a client chose is cut. */
static void line_add_text(struct line *l, const char *name, struct slice text)
{
    text.len = MIN(text.len, (size_t)TEXT_SHOWN);
    if (text.len > 0)
        line_add(l, LOG_SLICE(name, text));
}

static void line_add_request(struct line *l, struct exchange *x)
{
    const struct server_request *r = x->request;
    const struct outcome *o = &x->outcome;

    line_add_text(l, "method", r->method_text);
    line_add_text(l, "path", shown_path(x));
    line_add(l, LOG_U64("status", o->http_status));
    line_add(l, LOG_STR("outcome", outcome_status_name(o->status)));
    if (o->fault != FAULT_NONE)
        line_add(l, LOG_STR("error_code", fault_traits(o->fault)->code));
    if (o->cause != FAULT_NONE)
        line_add(l, LOG_STR("cause", fault_traits(o->cause)->code));
    line_add_text(l, "request_id", x->request_id);
    if (x->traceparent.len == TRACEPARENT_LEN) {
        line_add_text(l, "trace_id",
                      slice_sub(x->traceparent, TRACEPARENT_TRACE, TRACEPARENT_SPAN - 1));
        line_add_text(l, "span_id",
                      slice_sub(x->traceparent, TRACEPARENT_SPAN, TRACEPARENT_FLAGS - 1));
    }
    line_add_text(l, "client", r->peer);
    if (x->principal) {
        line_add(l, LOG_I64("key_id", x->principal->key_id));
        line_add_text(l, "user", x->principal->user_name);
    }
    line_add(l, LOG_U64("bytes_in", r->bytes_in));
    line_add(l, LOG_U64("bytes_out", r->bytes_out));
    line_add(l, LOG_U64("latency_ms", x->took_us / 1000));
}

static void line_add_call(struct line *l, const struct outcome *o)
{
    line_add_text(l, "model", o->requested_model);
    line_add_text(l, "served_model", o->served_model);
    line_add_text(l, "provider", outcome_asked(o));
    line_add(l, LOG_BOOL("stream", o->stream));
    if (o->cache != OUTCOME_CACHE_OFF)
        line_add(l, LOG_STR("cache", outcome_cache_name(o->cache)));
    line_add(l, LOG_U64("attempts", o->attempts));
    if (o->attempts > 1 || o->fault != FAULT_NONE)
        line_add_text(l, "tried", o->attempts_text);
    line_add(l, LOG_U64("first_token_ms", o->first_token_us / 1000));
    line_add(l, LOG_U64("prompt_tokens", usage_prompt(&o->usage)));
    line_add(l, LOG_U64("completion_tokens", usage_completion(&o->usage)));
    line_add(l, LOG_U64("cached_tokens", o->usage.cached_read));
    line_add(l, LOG_U64("reasoning_tokens", o->usage.reasoning));
    line_add(l, LOG_STR("usage_source", usage_source_name(o->usage.source)));
    line_add_text(l, "upstream_request_id", o->upstream_request_id);
}

/* A health check that finds nothing wrong: a balancer asks every second. */
static enum log_level level_of(const struct exchange *x)
{
    bool checked = x->route && x->route->open && x->outcome.http_status == 200;

    return checked ? LOG_DEBUG : LOG_INFO;
}

static void access_log_on_end(struct exchange *x)
{
    enum log_level level = level_of(x);
    struct line l;

    if (!log_on(level))
        return;
    l.len = 0;
    line_add_request(&l, x);
    if (x->call)
        line_add_call(&l, &x->outcome);
    line_add(&l, LOG_END);
    log_fields(level, "request", l.at);
}

const struct middleware middleware_access_log = {
    .name = "access_log",
    .malformed = true,
    .on_end = access_log_on_end,
};
