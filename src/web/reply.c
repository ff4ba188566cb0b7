/* reply.c: heads and bytes of an answer, and the sink that a model's answer comes through.
 *
 *   OPEN → COMMITTED   [reply_head]     the head is decided and can no longer change
 *   COMMITTED → ENDED  [reply_end]      the last bytes: a good end, a whole answer, a stream's
 * fault told in band any → ENDED        [reply_break]    no memory: the connection breaks, so that
 * nobody takes what came for the whole any → ENDED        [chain_on_gone]  the client left */

#include "web/reply.h"

#include "web/chain.h"
#include "web/problem.h"

#include <errno.h>

/* content-type, the two of a stream, the cache, three of the outcome */
enum { REPLY_HEADERS = 7 };

struct head {
    struct header at[EXCHANGE_HEADERS + REPLY_HEADERS];
    size_t len;
};

static void head_add(struct head *h, struct slice name, struct slice value)
{
    h->at[h->len++] = (struct header){name, value};
}

/* Text that is not ours: left out when it would break the head. */
static void head_add_foreign(struct head *h, struct slice name, struct slice value)
{
    if (value.len > 0 && header_value_is_safe(value))
        head_add(h, name, value);
}

static void head_add_outcome(struct head *h, const struct outcome *o)
{
    head_add_foreign(h, SLICE("x-courier-model"), o->served_model);
    head_add_foreign(h, SLICE("x-courier-provider"), o->provider);
    head_add_foreign(h, SLICE("x-courier-attempts"), o->attempts_text);
}

/* early: who will answer is not known yet. */
static int reply_head(struct exchange *x, int status, struct slice content_type, int64_t length,
                      bool early)
{
    struct head h;

    memcpy(h.at, x->headers, x->headers_len * sizeof(h.at[0]));
    h.len = x->headers_len;
    head_add_foreign(&h, SLICE("content-type"), content_type);
    if (length == SERVER_CHUNKED) {
        head_add(&h, SLICE("cache-control"), SLICE("no-cache"));
        head_add(&h, SLICE("x-accel-buffering"), SLICE("no"));
    }
    const char *cache = outcome_cache_name(x->outcome.cache);
    if (cache)
        head_add(&h, SLICE("x-courier-cache"), slice_str(cache));
    if (!early)
        head_add_outcome(&h, &x->outcome);

    x->reply.committed = true;
    x->outcome.http_status = status;
    return server_reply_head(x->request, status, h.at, h.len, length);
}

/* Ends without the end. A client that is gone is not told anything: the server has told us, or will
 * do so. */
static void reply_break(struct exchange *x, int rc)
{
    if (rc == -EPIPE || x->reply.ended)
        return;
    x->reply.ended = true;
    if (x->outcome.status == OUTCOME_OK) {
        x->outcome.status = OUTCOME_GATEWAY_ERROR;
        x->outcome.fault = FAULT_INTERNAL;
    }
    exchange_settle(x);
    server_reply_abort(x->request);
}

static uint64_t spans_bytes(const struct slice *spans, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += spans[i].len;
    return sum;
}

/* The last bytes. Settled first: whoever saw the end finds it accounted for. */
static int reply_end(struct exchange *x, const struct slice *spans, size_t n, enum span_life life)
{
    x->reply.body_bytes += spans_bytes(spans, n);
    exchange_settle(x);
    int rc = server_reply_end(x->request, spans, n, life);
    if (rc < 0)
        reply_break(x, rc);
    else
        x->reply.ended = true;
    return rc;
}

void reply_send(struct exchange *x, int status, struct slice content_type, struct slice body)
{
    if (x->reply.ended)
        return;
    int rc = reply_head(x, status, content_type, (int64_t)body.len, false);
    if (rc < 0)
        reply_break(x, rc);
    else
        reply_end(x, &body, body.len > 0, SPANS_REQUEST);
}

/* --- in pieces --- */

int reply_begin(struct exchange *x, int status, struct slice content_type)
{
    if (x->reply.ended)
        return -EPIPE;
    int rc = reply_head(x, status, content_type, SERVER_CHUNKED, false);
    if (rc < 0)
        reply_break(x, rc);
    return rc;
}

int reply_write(struct exchange *x, struct slice bytes, bool last)
{
    if (x->reply.ended)
        return -EPIPE;
    if (last)
        return reply_end(x, &bytes, bytes.len > 0, SPANS_NOW);
    x->reply.body_bytes += bytes.len;
    int rc = server_reply_write(x->request, &bytes, 1, SPANS_NOW);
    if (rc < 0)
        reply_break(x, rc);
    return rc;
}

/* --- a model's answer --- */

static struct exchange *sink_exchange(struct sink *s)
{
    return container_of(s, struct exchange, reply.sink);
}

static int sink_on_head(struct sink *s, const struct sink_head *head)
{
    struct exchange *x = sink_exchange(s);
    struct slice type = head->content_type;

    if (x->reply.ended)
        return -EPIPE;
    x->reply.stream = head->stream;
    x->reply.forgets = head->stream && head->spent;
    if (head->stream)
        type = SLICE("text/event-stream; charset=utf-8");
    int rc = reply_head(x, head->status, type,
                        head->stream ? SERVER_CHUNKED : (int64_t)head->content_length, head->early);
    if (rc < 0)
        reply_break(x, rc);
    return rc;
}

static int sink_on_bytes(struct sink *s, const struct slice *spans, size_t n, bool last)
{
    struct exchange *x = sink_exchange(s);

    if (x->reply.ended)
        return -EPIPE;
    if (last)
        return reply_end(x, spans, n, x->reply.stream ? SPANS_NOW : SPANS_REQUEST);
    x->reply.body_bytes += spans_bytes(spans, n);
    int rc = server_reply_write(x->request, spans, n, SPANS_NOW);
    if (rc < 0)
        reply_break(x, rc);
    else if (x->reply.forgets)
        exchange_forget_request(x);
    x->reply.forgets = false;
    return rc;
}

void reply_fault(struct exchange *x, const struct fault *fault)
{
    if (x->reply.ended)
        return;
    if (!x->reply.committed) {
        problem_answer_fault(x, fault);
        return;
    }
    x->outcome.fault = fault->kind;
    x->outcome.status = outcome_of_fault(fault->kind, true);
    struct slice event = x->reply.stream ? problem_event(x, fault) : SLICE("");
    if (event.len > 0)
        reply_end(x, &event, 1, SPANS_REQUEST);
    else
        reply_break(x, -ENOMEM);
}

static void sink_on_fault(struct sink *s, const struct fault *fault)
{
    reply_fault(sink_exchange(s), fault);
}

static const struct sink_events sink_events = {
    .on_head = sink_on_head,
    .on_bytes = sink_on_bytes,
    .on_fault = sink_on_fault,
};

struct sink *reply_sink(struct exchange *x)
{
    x->reply.sink.events = &sink_events;
    return &x->reply.sink;
}
