/* attempt_buffered.c: an answer that is committed when it is whole.
 *
 * A provider that dies in the middle is a fault like any other, and the client never sees half an
 * answer. A body of known length is read straight to its place. */

#include "router/attempt.h"

#include "router/dispatch.h"
#include "router/router_internal.h"

#include <errno.h>

static void free_body(void *arg)
{
    buf_free(arg);
}

int attempt_buffered_begin(struct attempt *a, const struct client_head *head)
{
    struct dispatch *d = a->dispatch;
    size_t max = d->router->options.limits.answer_bytes;

    if (head->content_length < 0) {
        buf_init(&a->body, max);
        return arena_defer(d->arena, free_body, &a->body);
    }
    if ((uint64_t)head->content_length > max)
        return -EMSGSIZE;
    a->whole_cap = (size_t)head->content_length;
    a->whole = arena_alloc(d->arena, a->whole_cap);
    if (!a->whole)
        return -ENOMEM;
    client_body_into(&a->http, a->whole, a->whole_cap);
    return OK;
}

void attempt_buffered_bytes(struct attempt *a, struct slice bytes)
{
    if (!a->whole) {
        int rc = buf_add(&a->body, bytes);
        if (rc < 0)
            attempt_fail(a, rc == -EMSGSIZE ? FAULT_UPSTREAM_TOO_LARGE : FAULT_INTERNAL);
        return;
    }
    if (bytes.at != a->whole + a->whole_len)
        memcpy(a->whole + a->whole_len, bytes.at, bytes.len);
    a->whole_len += bytes.len;
}

static uint64_t estimate_output(const struct attempt *a, const struct reply *reply)
{
    return a->dispatch->ask.call->kind == CALL_EMBEDDINGS ? 0 : reply->body.len / 4;
}

void attempt_buffered_end(struct attempt *a)
{
    struct dispatch *d = a->dispatch;
    struct slice body = a->whole ? slice_of(a->whole, a->whole_len) : buf_slice(&a->body);
    struct reply reply = {0};
    struct fault fault = {.kind = FAULT_UPSTREAM_PROTOCOL, .upstream_status = a->status};

    const struct decoding decoding = attempt_decoding(a, NULL);
    int rc = a->op->decode(&decoding, body, &reply, &fault);
    if (rc == OK && d->ask.call->stream)
        rc = -EBADMSG; /* a whole answer where a stream was asked for */
    if (rc < 0) {
        attempt_fail_fault(a, &fault);
        return;
    }

    const struct sink_head head = {
        .status = 200,
        .content_length = reply.body.len,
        .content_type = a->content_type,
    };
    attempt_settle_usage(a, &reply.usage, estimate_output(a, &reply));
    attempt_done(a);
    if (dispatch_commit(d, &head) == OK)
        dispatch_bytes(d, &reply.body, 1, true);
}
