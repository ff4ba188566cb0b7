/* attempt.c: one try to get a call answered by one target.
 *
 *   ENDED → LEASING → HEAD ─┬→ BUFFERED ─┬→ ENDED (good: dispatch_bytes with `last`)
 *                           ├→ STREAM ───┤
 *                           └→ REFUSAL ──┴→ ENDED (bad: dispatch_failed)
 *
 *   ENDED    → LEASING   [attempt_start]     encoded; a connection was asked for
 *   LEASING  → HEAD      [attempt_on_sent]   the request is out; the answer's clock starts
 *   HEAD     → LEASING                       never: a stale connection is replaced below us, and
 *                                            on_sent comes again
 *   HEAD     → REFUSAL   [attempt_on_head]   status is not 2xx: collect ≤ 64 KiB, classify
 *   HEAD     → BUFFERED  [attempt_on_head]   collect the whole, decode, commit
 *   HEAD     → STREAM    [attempt_on_head]   hold until the first content, then relay
 *   any      → ENDED     [attempt_fail…]     a fault, or the clock
 *   any      → ENDED     [attempt_cancel]    nobody listens any more: no event
 *
 * The body's two ways are in attempt_buffered.c and attempt_stream.c. */

#include "router/attempt.h"

#include "router/dispatch.h"
#include "router/router_internal.h"

#include <errno.h>

enum { REFUSAL_MAX = 64 * 1024 };

/* Which fault a call that ended with rc in that phase means. */
static enum fault_kind fault_of_end(int rc, enum client_phase phase)
{
    switch (rc) {
    case -ETIMEDOUT:
        return FAULT_UPSTREAM_TIMEOUT;
    case -E2BIG: /* what the caller's head has for the provider, and our own */
        return FAULT_HEADER_TOO_LARGE;
    case -EMSGSIZE:
        return phase < CLIENT_WAITING ? FAULT_HEADER_TOO_LARGE : FAULT_UPSTREAM_TOO_LARGE;
    case -EBUSY:
        return FAULT_UPSTREAM_BUSY;
    case -ENOMEM:
    case -EINVAL:
        return FAULT_INTERNAL;
    case -EKEYREJECTED:
        return FAULT_UPSTREAM_TLS;
    case -EPROTO:
        return phase == CLIENT_CONNECTING ? FAULT_UPSTREAM_TLS : FAULT_UPSTREAM_PROTOCOL;
    default:
        return phase == CLIENT_CONNECTING ? FAULT_UPSTREAM_CONNECT : FAULT_UPSTREAM_RESET;
    }
}

static uint64_t attempt_limit_ms(const struct attempt *a)
{
    const struct router_clocks *clocks = &a->dispatch->router->options.clocks;

    if (a->target->timeout_ms)
        return a->target->timeout_ms;
    return a->dispatch->ask.call->stream ? clocks->first_token : clocks->answer;
}

void attempt_set_clock(struct attempt *a, uint64_t ms)
{
    uint64_t now = loop_now_ms(a->clock.loop);
    uint64_t left = a->dispatch->deadline_ms > now ? a->dispatch->deadline_ms - now : 0;

    /* moving a timer that attempt_start has set cannot fail */
    (void)timer_set(&a->clock, MIN(ms, left));
}

/* The one way into ENDED. */
static void attempt_close(struct attempt *a)
{
    a->state = ATTEMPT_ENDED;
    timer_stop(&a->clock);
}

void attempt_fail_fault(struct attempt *a, const struct fault *fault)
{
    struct fault told = *fault;

    if (a->state == ATTEMPT_ENDED)
        return;
    if (fault_is_refusal(told.kind) && a->op->refusal)
        a->op->refusal(&told, a->dispatch->arena);
    /* what a provider says about the caller's request passes on, but not what it repeats of ours */
    secret_blot(a->target->api_key, told.upstream_body);
    client_cancel(&a->http);
    attempt_close(a);
    dispatch_failed(a->dispatch, &told);
}

struct decoding attempt_decoding(const struct attempt *a, struct buf *out)
{
    return (struct decoding){
        .target = a->target,
        .call = a->dispatch->ask.call,
        .arena = a->dispatch->arena,
        .out = out,
    };
}

void attempt_fail(struct attempt *a, enum fault_kind kind)
{
    attempt_fail_fault(a, &(struct fault){.kind = kind, .upstream_status = a->status});
}

void attempt_done(struct attempt *a)
{
    client_leave(&a->http);
    attempt_close(a);
}

void attempt_cancel(struct attempt *a)
{
    if (a->state == ATTEMPT_ENDED)
        return;
    client_cancel(&a->http);
    attempt_close(a);
}

void attempt_pause(struct attempt *a)
{
    client_pause(&a->http);
    /* the client is slow, not the provider: only the whole's clock goes on */
    attempt_set_clock(a, UINT64_MAX);
}

void attempt_resume(struct attempt *a)
{
    /* it may be another one than that which filled the client's buffers */
    if (a->state != ATTEMPT_STREAM || !a->http.paused)
        return;
    attempt_set_clock(a, a->dispatch->router->options.clocks.idle);
    client_resume(&a->http);
}

void attempt_drop_head(struct attempt *a)
{
    a->content_type = (struct slice){0};
    client_drop_head(&a->http);
}

static void attempt_on_clock(struct timer *t)
{
    attempt_fail(container_of(t, struct attempt, clock), FAULT_UPSTREAM_TIMEOUT);
}

static void attempt_on_sent(struct client_call *c)
{
    struct attempt *a = container_of(c, struct attempt, http);

    a->state = ATTEMPT_HEAD;
    attempt_set_clock(a, attempt_limit_ms(a));
}

/* What a provider calls its own request, for the log. */
static void attempt_note_request_id(struct attempt *a, const struct headers *headers)
{
    struct slice id = headers_get(headers, SLICE("x-request-id"));

    if (slice_is_empty(id))
        id = headers_get(headers, SLICE("request-id"));
    if (!slice_is_empty(id))
        a->dispatch->ask.outcome->upstream_request_id =
            arena_copy(a->dispatch->arena, slice_sub(id, 0, MIN(id.len, 128)));
}

static void attempt_free_body(void *arg)
{
    buf_free(arg);
}

static int attempt_begin_refusal(struct attempt *a, const struct client_head *head)
{
    a->headers = head->headers;
    buf_init(&a->body, REFUSAL_MAX);
    return arena_defer(a->dispatch->arena, attempt_free_body, &a->body);
}

/* Private servers label streams in many ways; only JSON is surely none. */
static bool is_json(struct slice content_type)
{
    const struct slice json = SLICE("application/json");

    return content_type.len >= json.len &&
           slice_eq_nocase(slice_sub(content_type, 0, json.len), json);
}

/* Identity was asked for. What comes encoded all the same can be neither read nor counted. */
static bool is_encoded(const struct headers *headers)
{
    struct slice coding = headers_get(headers, SLICE("content-encoding"));

    return !slice_is_empty(coding) && !slice_eq_nocase(coding, SLICE("identity"));
}

static void attempt_on_head(struct client_call *c, const struct client_head *head)
{
    struct attempt *a = container_of(c, struct attempt, http);
    int rc;

    a->status = head->status;
    a->sent = head->request_sent;
    a->content_type = headers_get(&head->headers, SLICE("content-type"));
    attempt_note_request_id(a, &head->headers);
    if (head->status < 200 || head->status > 299) {
        a->state = ATTEMPT_REFUSAL;
        rc = attempt_begin_refusal(a, head);
    } else if (is_encoded(&head->headers)) {
        attempt_fail(a, FAULT_UPSTREAM_PROTOCOL);
        return;
    } else if (a->dispatch->ask.call->stream && !is_json(a->content_type)) {
        a->state = ATTEMPT_STREAM;
        rc = attempt_stream_begin(a);
    } else {
        /* also a stream that was answered with a plain body: decoding says what it is */
        a->state = ATTEMPT_BUFFERED;
        rc = attempt_buffered_begin(a, head);
    }
    if (rc < 0)
        attempt_fail(a, rc == -EMSGSIZE ? FAULT_UPSTREAM_TOO_LARGE : FAULT_INTERNAL);
}

static void attempt_on_body(struct client_call *c, struct slice bytes)
{
    struct attempt *a = container_of(c, struct attempt, http);

    if (a->state == ATTEMPT_STREAM)
        attempt_stream_bytes(a, bytes);
    else if (a->state == ATTEMPT_BUFFERED)
        attempt_buffered_bytes(a, bytes);
    else /* a refusal; what is over the limit is not needed to classify it */
        buf_add(&a->body, slice_sub(bytes, 0, MIN(bytes.len, REFUSAL_MAX - a->body.len)));
}

static void attempt_refused(struct attempt *a)
{
    struct fault fault = {.kind = FAULT_UPSTREAM_ERROR};

    a->target->adapter->classify(a->status, &a->headers, buf_slice(&a->body), &fault);
    fault.upstream_status = a->status;
    attempt_fail_fault(a, &fault);
}

static void attempt_on_end(struct client_call *c, int rc)
{
    struct attempt *a = container_of(c, struct attempt, http);

    if (a->state == ATTEMPT_REFUSAL)
        attempt_refused(a); /* the status is known; a cut body only says less */
    else if (rc < 0)
        attempt_fail(a, fault_of_end(rc, c->phase));
    else if (a->state == ATTEMPT_STREAM)
        attempt_stream_end(a);
    else
        attempt_buffered_end(a);
}

static const struct client_events attempt_events = {
    .on_sent = attempt_on_sent,
    .on_head = attempt_on_head,
    .on_body = attempt_on_body,
    .on_end = attempt_on_end,
};

/* What is sent, in the early arena: an open stream does not hold it. */
struct letter {
    struct client_request request;
    struct http_message message;
};

/* The provider's parent is the attempt, where that is a span. */
static struct slice attempt_traceparent(const struct dispatch *d)
{
    struct slice own =
        d->ask.traced ? arena_copy(d->ask.early, d->ask.traceparent) : (struct slice){0};

    if (!own.at)
        return d->ask.traceparent;
    memcpy((char *)(uintptr_t)own.at + TRACEPARENT_SPAN, d->span, SPAN_ID_TEXT);
    return own;
}

static int attempt_encode(struct attempt *a, struct client_request **ret, struct fault *ret_fault)
{
    const struct dispatch_ask *ask = &a->dispatch->ask;
    struct letter *letter = arena_new(ask->early, struct letter);

    if (!letter)
        return -ENOMEM;
    struct http_message *m = &letter->message;
    int rc = a->op->encode(a->target, ask->call, ask->early, m, ret_fault);
    if (rc == OK)
        rc = headers_add(&m->headers, ask->early, SLICE("x-request-id"), ask->request_id);
    if (rc == OK && !slice_is_empty(ask->traceparent))
        rc = headers_add(&m->headers, ask->early, SLICE("traceparent"),
                         attempt_traceparent(a->dispatch));
    if (rc < 0)
        return rc;

    *ret = &letter->request;
    letter->request = (struct client_request){
        .origin = a->target->origin,
        .method = m->method,
        .target = m->path,
        .headers = m->headers.at,
        .headers_len = m->headers.len,
        .body = m->body,
        .body_len = m->body_len,
    };
    return OK;
}

int attempt_start(struct attempt *a, struct dispatch *d, const struct target *target,
                  struct fault *ret_fault)
{
    struct client_request *request;

    buf_free(&a->body); /* of the attempt before this one */
    if (a->stream)
        attempt_stream_free(a->stream);
    *a = (struct attempt){
        .dispatch = d,
        .target = target,
        .op = target->adapter->ops[d->ask.call->kind],
        .http.events = &attempt_events,
    };
    timer_init(&a->clock, d->router->options.loop, attempt_on_clock);

    int rc = attempt_encode(a, &request, ret_fault);
    if (rc == OK)
        rc = timer_set(&a->clock, attempt_limit_ms(a));
    if (rc == OK)
        rc = client_start(d->router->options.client, &a->http, request);
    if (rc < 0) {
        timer_stop(&a->clock);
        if (ret_fault->kind == FAULT_NONE)
            ret_fault->kind = fault_of_end(rc, CLIENT_SENDING);
        return rc;
    }
    a->state = ATTEMPT_LEASING;
    attempt_set_clock(a, attempt_limit_ms(a));
    return AGAIN;
}

void attempt_settle_usage(struct attempt *a, const struct usage *told, uint64_t output)
{
    struct usage *usage = &a->dispatch->ask.outcome->usage;

    *usage = *told;
    if (usage->source == USAGE_NONE) {
        usage->input = a->dispatch->ask.call->prompt_estimate;
        usage->output = output;
        usage->source = USAGE_ESTIMATED;
    }
}

void attempt_usage(const struct attempt *a, struct usage *ret)
{
    uint64_t deltas = a->stream ? a->stream->deltas : 0;

    *ret = a->usage;
    if (ret->source != USAGE_NONE) {
        /* what was told at the start of a stream knows little of its output */
        ret->output = MAX(ret->output + ret->reasoning, deltas) - ret->reasoning;
        ret->source = USAGE_PARTIAL;
    } else if (deltas) {
        /* a piece of content is a token or more: a floor */
        ret->input = a->dispatch->ask.call->prompt_estimate;
        ret->output = deltas;
        ret->source = USAGE_PARTIAL;
    }
}
