/* played_completion.h: a completion that the test plays, in place of the service's own. */

#pragma once

#include "service/completion.h"
#include "support/played_gateway.h"

#include <errno.h>

struct completion {
    struct completion_ask ask;
    bool cancelled;
    unsigned proceeds;
};

static struct completion *running;
static struct fault refusal; /* kind != FAULT_NONE: what completion_start says */

int completion_start(struct router *router, const struct completion_ask *ask, struct arena *a,
                     struct completion **ret, struct fault *ret_fault)
{
    assert_null(router); /* the rig has none */
    if (refusal.kind != FAULT_NONE) {
        *ret_fault = refusal;
        return -EPERM;
    }
    *ret = running = arena_new(a, struct completion);
    running->ask = *ask;
    return AGAIN;
}

void completion_proceed(struct completion *c)
{
    c->proceeds++;
}

void completion_cancel(struct completion *c)
{
    if (!c->cancelled)
        c->ask.outcome->usage = (struct usage){.input = 5, .output = 6, .source = USAGE_PARTIAL};
    c->cancelled = true;
}

static inline void played_forget(void)
{
    running = NULL;
    refusal = (struct fault){0};
}

/* What is asked of "fast", buffered and streamed. */
static const char buffered[] = "{\"model\":\"fast\",\"messages\":[{\"role\":\"user\"}]}";
static const char streamed[] =
    "{\"model\":\"fast\",\"stream\":true,\"messages\":[{\"role\":\"user\"}]}";

/* The running completion was asked for `streamed`, with everything that it needs. */
static inline void assert_streamed_is_asked(void)
{
    assert_non_null(running);
    const struct completion_ask *ask = &running->ask;
    assert_ptr_equal(ask->call->body.at, streamed); /* the client's own bytes */
    assert_true(slice_eq(ask->call->model, SLICE("fast")));
    assert_true(ask->call->stream);
    assert_int_equal(ask->principal->key_id, 1);
    assert_true(slice_eq(ask->request_id, SLICE("req-1")));
    assert_int_equal(ask->started_us, fake.r.started_us);
    assert_non_null(ask->snapshot);
}

/* The running completion answers `buffered`, and the client has it. */
static inline void played_answer(void)
{
    static const struct slice body = SLICE_INIT("{\"id\" : 1.0}");
    struct sink *s = running->ask.sink;
    struct outcome *o = running->ask.outcome;

    o->served_model = SLICE("fast");
    o->provider = SLICE("gpu-box");
    o->attempts = 1;
    o->attempts_text = SLICE("fast:200");
    o->usage = (struct usage){.input = 1, .output = 2, .source = USAGE_PROVIDER};
    const struct sink_head head = {
        .status = 200,
        .content_length = body.len,
        .content_type = SLICE("application/json"),
    };
    s->events->on_head(s, &head);
    s->events->on_bytes(s, &body, 1, true);
    assert_int_equal(fake.status, 200);
    assert_string_equal(fake.body, "{\"id\" : 1.0}");
    assert_string_equal(fake_answer_field("x-courier-attempts"), "fast:200");
    fake_done(true);
}

/* A refusal that a post of `buffered` has met, as the client is told it. */
static inline void assert_refusal_is_told(void)
{
    assert_int_equal(fake.status, 404);
    assert_string_equal(fake.body,
                        "{\"error\":{\"message\":\"No `fast`.\",\"type\":\"invalid_request_error\","
                        "\"param\":\"model\",\"code\":\"model_not_found\"}}");
    fake_done(true);
}
