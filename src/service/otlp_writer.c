/* otlp_writer.c: see otlp_writer.h. */

#include "service/otlp_writer.h"

#define LITERAL(b, text) buf_add((b), SLICE(text))

/* --- attributes; each begins with a comma but for the first --- */

static void attribute_begin(struct buf *b, const char *key)
{
    if (b->len && b->at[b->len - 1] != '[')
        buf_add_char(b, ',');
    LITERAL(b, "{\"key\":\"");
    buf_add(b, slice_str(key));
    LITERAL(b, "\",\"value\":{");
}

/* What is empty is left out. */
static void attribute_text(struct buf *b, const char *key, struct slice value)
{
    if (slice_is_empty(value))
        return;
    attribute_begin(b, key);
    LITERAL(b, "\"stringValue\":\"");
    buf_add_json(b, value);
    LITERAL(b, "\"}}");
}

/* 64-bit numbers are strings in the JSON of protobuf. */
static void attribute_number(struct buf *b, const char *key, uint64_t value)
{
    attribute_begin(b, key);
    LITERAL(b, "\"intValue\":\"");
    buf_add_u64(b, value);
    LITERAL(b, "\"}}");
}

static void attribute_bool(struct buf *b, const char *key, bool value)
{
    attribute_begin(b, key);
    LITERAL(b, "\"boolValue\":");
    buf_add(b, value ? SLICE("true") : SLICE("false"));
    LITERAL(b, "}}");
}

/* --- a span --- */

static void add_usage(struct buf *b, const struct usage *u)
{
    if (u->source == USAGE_NONE)
        return;
    attribute_number(b, "gen_ai.usage.input_tokens", usage_prompt(u));
    attribute_number(b, "gen_ai.usage.output_tokens", usage_completion(u));
    attribute_number(b, "gen_ai.usage.cache_read.input_tokens", u->cached_read);
    attribute_number(b, "gen_ai.usage.cache_creation.input_tokens", u->cache_write);
    attribute_number(b, "gen_ai.usage.reasoning.output_tokens", u->reasoning);
    attribute_text(b, "courier.usage_source", slice_str(usage_source_name(u->source)));
}

static void add_call(struct buf *b, const struct trace_span *s)
{
    attribute_text(b, "gen_ai.operation.name", call_operation(s->call));
    attribute_text(b, "gen_ai.provider.name", slice_str(s->provider));
    attribute_text(b, "gen_ai.request.model", slice_str(s->asked_model));
    add_usage(b, &s->usage);
}

static void add_error(struct buf *b, const struct trace_span *s)
{
    if (s->fault != FAULT_NONE)
        attribute_text(b, "error.type", slice_str(fault_traits(s->fault)->code));
}

static void add_request_attributes(struct buf *b, const struct trace_span *s)
{
    attribute_text(b, "http.request.method", slice_str(s->method));
    attribute_text(b, "http.route", s->route);
    attribute_text(b, "courier.request_id", slice_str(s->request_id));
    attribute_text(b, "courier.outcome", slice_str(outcome_status_name(s->status)));
    if (!s->is_call)
        return;
    add_call(b, s);
    attribute_text(b, "gen_ai.response.model", slice_str(s->served_model));
    attribute_bool(b, "gen_ai.request.stream", s->stream);
    attribute_number(b, "courier.attempts", s->attempts);
    attribute_bool(b, "courier.fallback_used", s->fallback_used);
}

static void add_attempt_attributes(struct buf *b, const struct trace_span *s)
{
    add_call(b, s);
    attribute_text(b, "http.request.method", SLICE("POST"));
    attribute_text(b, "server.address", slice_str(s->host));
    attribute_number(b, "server.port", s->port);
    attribute_text(b, "courier.model", slice_str(s->served_model));
    if (s->attempts > 1)
        attribute_number(b, "http.request.resend_count", s->attempts - 1);
}

/* "POST /v1/messages" as the HTTP conventions say, "chat gpt-4o" as those for generative AI do. */
static void add_name(struct buf *b, const struct trace_span *s)
{
    struct slice first = s->kind == SPAN_SERVER ? slice_str(s->method) : call_operation(s->call);
    struct slice second = s->kind == SPAN_SERVER ? s->route : slice_str(s->asked_model);

    LITERAL(b, ",\"name\":\"");
    buf_add_json(b, first);
    if (!slice_is_empty(second)) {
        buf_add_char(b, ' ');
        buf_add_json(b, second);
    }
    buf_add_char(b, '"');
}

/* `,"name":"` and `"`: what begins and ends a member that is a text. */
static void member_begin(struct buf *b, const char *name)
{
    LITERAL(b, ",\"");
    buf_add(b, slice_str(name));
    LITERAL(b, "\":\"");
}

static void add_time(struct buf *b, const char *name, uint64_t wall_us)
{
    member_begin(b, name);
    buf_add_u64(b, wall_us);
    LITERAL(b, "000\""); /* nanoseconds */
}

static void add_id(struct buf *b, const char *name, const char *id, size_t len)
{
    member_begin(b, name);
    buf_add(b, slice_of(id, len));
    buf_add_char(b, '"');
}

/* A request that its caller got wrong is no error of the server; an attempt that failed is one of
 * the client (HTTP conventions, "Status"). */
static bool is_error(const struct trace_span *s)
{
    if (s->kind == SPAN_CLIENT)
        return s->fault != FAULT_NONE && s->fault != FAULT_CLIENT_CLOSED;
    return s->http_status >= 500 || s->status == OUTCOME_INTERRUPTED;
}

static void add_event(struct buf *b, const struct trace_span *s)
{
    if (s->first_token_us == 0)
        return;
    LITERAL(b, ",\"events\":[{\"name\":\"first_token\"");
    add_time(b, "timeUnixNano", s->start_wall_us + s->first_token_us);
    LITERAL(b, "}]");
}

static void add_span(struct buf *b, const struct trace_span *s)
{
    LITERAL(b, "{\"kind\":");
    buf_add_u64(b, s->kind);
    LITERAL(b, ",\"flags\":1");
    add_id(b, "traceId", s->trace, sizeof(s->trace));
    add_id(b, "spanId", s->id, sizeof(s->id));
    if (s->has_parent)
        add_id(b, "parentSpanId", s->parent, sizeof(s->parent));
    add_name(b, s);
    add_time(b, "startTimeUnixNano", s->start_wall_us);
    add_time(b, "endTimeUnixNano", s->start_wall_us + s->took_us);
    LITERAL(b, ",\"attributes\":[");
    if (s->kind == SPAN_SERVER)
        add_request_attributes(b, s);
    else
        add_attempt_attributes(b, s);
    if (s->http_status)
        attribute_number(b, "http.response.status_code", s->http_status);
    add_error(b, s);
    buf_add_char(b, ']');
    add_event(b, s);
    if (is_error(s))
        LITERAL(b, ",\"status\":{\"code\":2}");
    buf_add_char(b, '}');
}

/* --- the whole --- */

static void add_resource(struct buf *b, const struct otlp_resource *r)
{
    LITERAL(b, "{\"resource\":{\"attributes\":[");
    attribute_text(b, "service.name", r->service_name);
    attribute_text(b, "service.version", r->service_version);
    attribute_text(b, "service.instance.id", r->instance_id);
    attribute_text(b, "host.name", r->host_name);
    attribute_text(b, "telemetry.sdk.name", SLICE("courier"));
    attribute_text(b, "telemetry.sdk.language", SLICE("c"));
    attribute_text(b, "telemetry.sdk.version", r->service_version);
    LITERAL(b, "]}");
}

void otlp_write(struct buf *ret, const struct otlp_resource *resource,
                const struct trace_span *spans, size_t n)
{
    LITERAL(ret, "{\"resourceSpans\":[");
    add_resource(ret, resource);
    LITERAL(ret, ",\"scopeSpans\":[{\"scope\":{\"name\":\"courier\",\"version\":\"");
    buf_add_json(ret, resource->service_version);
    LITERAL(ret, "\"},\"spans\":[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_char(ret, ',');
        add_span(ret, &spans[i]);
    }
    LITERAL(ret, "]}]}]}");
}
