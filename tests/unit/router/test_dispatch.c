/* test_dispatch.c: a call on its way along the plan, with a client and an adapter of this test.
 *
 * The client's functions are defined here and found instead of the library's: each test plays the
 * provider by calling the events. The adapter speaks a toy dialect, one word a frame:
 *   role  c:TEXT (content)  t:"TEXT" (the same, told as text when wanted)  f:"TEXT" (and the
 * finish) u:N (usage only)  fin  done  err  junk */

#include "router/dispatch.h"
#include "router/registry.h"
#include "router/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/alloc_fail.h"

#include <errno.h>
#include <stdlib.h>

struct world;
static struct plan_health health(struct world *w, size_t target);

/* --- the client of this test --- */

static struct {
    struct client_call *call; /* the newest that was started and not given up */
    unsigned starts, cancels, leaves;
    int refuse;          /* client_start says this */
    bool paused, unsent; /* unsent: the answer begins before the request is out */
    unsigned drops;
    char *into;
} wire;

int client_start(struct client *c, struct client_call *call, const struct client_request *request)
{
    (void)c;
    wire.starts++;
    if (wire.refuse)
        return wire.refuse;
    call->request = request;
    wire.call = call;
    wire.into = NULL;
    return AGAIN;
}

void client_cancel(struct client_call *call)
{
    wire.cancels += call == wire.call;
    wire.call = NULL;
}

void client_drop_head(struct client_call *call)
{
    wire.drops += call == wire.call;
}

void client_leave(struct client_call *call)
{
    wire.leaves += call == wire.call;
    wire.call = NULL;
}

void client_pause(struct client_call *call)
{
    call->paused = wire.paused = true;
}

void client_resume(struct client_call *call)
{
    call->paused = wire.paused = false;
}

void client_body_into(struct client_call *call, char *at, size_t len)
{
    (void)call;
    (void)len;
    wire.into = at;
}

/* --- the adapter of this test --- */

static int toy_encode(const struct target *t, const struct call *c, struct arena *a,
                      struct http_message *ret, struct fault *ret_fault)
{
    if (slice_eq(t->upstream_model, SLICE("unsupported"))) {
        ret_fault->kind = FAULT_UNSUPPORTED;
        return -EINVAL;
    }
    if (slice_eq(t->upstream_model, SLICE("inexpressible"))) {
        ret_fault->kind = FAULT_INVALID_VALUE;
        return -EINVAL;
    }
    for (size_t i = 0; slice_eq(t->upstream_model, SLICE("fields")) && i < HEADERS_MAX; i++)
        assert_int_equal(headers_add(&ret->headers, a, SLICE("anthropic-beta"), SLICE("b")), OK);
    ret->method = SLICE("POST");
    ret->body[0] = c->body;
    ret->body_len = 1;
    return OK;
}

static int toy_decode(const struct decoding *d, struct slice body, struct reply *ret,
                      struct fault *ret_fault)
{
    (void)ret_fault;
    assert_null(d->out);
    if (!slice_starts(body, SLICE("{")))
        return -EBADMSG;
    ret->body = body;
    if (slice_find(body, SLICE("usage")) < body.len)
        ret->usage = (struct usage){.input = 3, .output = 4, .source = USAGE_PROVIDER};
    return OK;
}

static int toy_decode_event(void *state, struct slice name, struct slice data,
                            struct event_list *ret)
{
    struct event *e = &ret->at[0];

    const struct decoder *decoder = state;

    (void)name;
    *e = (struct event){0};
    ret->len = 1;
    if (slice_eq(data, SLICE("junk")))
        return -EBADMSG;
    if (slice_starts(data, SLICE("c:"))) {
        e->marks = EVENT_CONTENT;
        e->output_deltas = 1;
    } else if (slice_starts(data, SLICE("t:")) || slice_starts(data, SLICE("f:"))) {
        e->marks = data.at[0] == 't' ? EVENT_CONTENT : EVENT_CONTENT | EVENT_FINISH;
        e->output_deltas = 1;
        e->text = decoder->wants_text ? slice_sub(data, 2, data.len) : SLICE("");
    } else if (slice_starts(data, SLICE("u:"))) {
        e->marks = EVENT_USAGE | EVENT_USAGE_ONLY;
        e->usage = (struct usage){.input = 7, .output = (uint64_t)(data.at[2] - '0')};
    } else if (slice_eq(data, SLICE("fin"))) {
        e->marks = EVENT_FINISH;
    } else if (slice_eq(data, SLICE("done"))) {
        e->marks = EVENT_DONE;
    } else if (slice_eq(data, SLICE("err"))) {
        e->marks = EVENT_ERROR;
        e->fault.kind = FAULT_UPSTREAM_OVERLOADED;
    }
    return OK;
}

static void toy_classify(int status, const struct headers *h, struct slice body, struct fault *ret)
{
    (void)h;
    static const enum fault_kind kinds[] = {[0] = FAULT_UPSTREAM_REFUSED,
                                            [1] = FAULT_UPSTREAM_CREDENTIALS,
                                            [13] = FAULT_CONTEXT_LENGTH};

    ret->kind = status < 400 || status > 413 || !kinds[status - 400] ? FAULT_UPSTREAM_ERROR
                                                                     : kinds[status - 400];
    ret->upstream_body = body;
}

static int toy_finish(void *state, struct slice *ret)
{
    (void)state;
    *ret = SLICE("data: done\n\n");
    return OK;
}

/* The other dialect: each frame is one word in angle brackets. */

struct toy_translator {
    struct decoder decoder;
    struct buf *out;
};

static int other_begin(void *state, const struct decoding *d)
{
    struct toy_translator *t = state;

    t->out = d->out;
    return OK;
}

static int other_say(struct toy_translator *t, struct slice word)
{
    buf_add_char(t->out, '<');
    buf_add(t->out, word);
    return buf_add_char(t->out, '>');
}

static int other_decode_event(void *state, struct slice name, struct slice data,
                              struct event_list *ret)
{
    int rc = toy_decode_event(state, name, data, ret);

    return rc < 0 || ret->at[0].marks & (EVENT_ERROR | EVENT_USAGE) ? rc : other_say(state, data);
}

static int other_finish(void *state, struct slice *ret)
{
    (void)ret;
    return other_say(state, SLICE("end"));
}

static void other_refusal(struct fault *f, struct arena *a)
{
    f->upstream_body = arena_printf(a, "<%.*s>", SLICE_FMT(f->upstream_body));
}

static const struct adapter_op other_chat = {
    .encode = toy_encode,
    .decode = toy_decode,
    .begin = other_begin,
    .decode_event = other_decode_event,
    .finish = other_finish,
    .refusal = other_refusal,
    .state_size = sizeof(struct toy_translator),
    .translates = true,
};

static const struct adapter_op toy_chat = {
    .encode = toy_encode,
    .decode = toy_decode,
    .decode_event = toy_decode_event,
    .finish = toy_finish,
};
static const struct adapter toy = {
    .name = "toy",
    .ops = {[CALL_CHAT] = &toy_chat, [CALL_EMBEDDINGS] = &toy_chat},
    .classify = toy_classify
};
static const struct adapter other = {
    .name = "other", .ops = {[CALL_CHAT] = &other_chat}, .classify = toy_classify};

/* --- the fixture: a sink that remembers, a router, two targets --- */

struct world {
    struct sink sink;
    struct arena arena, early;
    struct loop *loop;
    struct router *router;
    struct call call;
    struct outcome outcome;
    struct origin origin;
    struct target targets[3];
    struct registry_model model;
    const struct target *plan[3];
    uint64_t rest_ms, patience_ms; /* of the plan, of the caller */
    struct dispatch dispatch;
    char got[4096]; /* what the client got */
    size_t got_len;
    unsigned heads, faults;
    bool spent;      /* the sink was told so */
    bool told_early; /* the head came before an answer */
    struct fault fault;
    struct slice said; /* the fault's upstream_body, kept */
    bool last;
    int bytes_rc; /* what the sink answers */
    struct router_observer observer;
    struct attempt_report reports[64]; /* what it heard */
    char spans[64][SPAN_ID_TEXT];
    size_t reports_len;
    bool traced;
};

static int sink_on_head(struct sink *s, const struct sink_head *head)
{
    struct world *w = container_of(s, struct world, sink);

    assert_int_equal(head->status, 200);
    w->heads++;
    w->spent = head->spent;
    w->told_early = head->early;
    return OK;
}

static int sink_on_bytes(struct sink *s, const struct slice *spans, size_t n, bool last)
{
    struct world *w = container_of(s, struct world, sink);

    assert_int_equal(w->heads, 1);
    assert_false(w->last);
    if (w->bytes_rc < 0)
        return w->bytes_rc;
    for (size_t i = 0; i < n; i++) {
        assert_true(w->got_len + spans[i].len < sizeof(w->got));
        memcpy(w->got + w->got_len, spans[i].at, spans[i].len);
        w->got_len += spans[i].len;
    }
    w->got[w->got_len] = '\0';
    w->last = last;
    if (w->spent) /* nothing of the call is looked at any more */
        arena_clear(&w->early);
    return w->bytes_rc;
}

static void sink_on_fault(struct sink *s, const struct fault *fault)
{
    struct world *w = container_of(s, struct world, sink);

    assert_false(w->last);
    w->faults++;
    w->fault = *fault;
    w->said = arena_copy(&w->arena, fault->upstream_body);
}

static const struct sink_events sink_events = {sink_on_head, sink_on_bytes, sink_on_fault};

static void hear(struct router_observer *o, const struct attempt_report *report)
{
    struct world *w = container_of(o, struct world, observer);

    assert_true(w->reports_len < ARRAY_LEN(w->reports));
    if (!slice_is_empty(report->span))
        memcpy(w->spans[w->reports_len], report->span.at, SPAN_ID_TEXT);
    w->reports[w->reports_len++] = *report;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    memset(&wire, 0, sizeof(wire));
    w->sink.events = &sink_events;
    arena_init(&w->arena, 0);
    arena_init(&w->early, 0);
    w->loop = loop_new();
    const struct router_options options = {
        .loop = w->loop,
        .observer = &w->observer,
        .clocks = {.first_token = 30, .answer = 60, .idle = 20, .total = 600000},
        .limits = {.frame_bytes = 256,  .answer_bytes = 1024             },
    };
    w->observer.on_attempt = hear;
    w->origin = (struct origin){.host = SLICE("box"), .port = 8000};
    w->router = router_new(&options);
    w->call = (struct call){.body = SLICE("{}"), .stream = true, .prompt_estimate = 5};
    static const char *const names[] = {"one", "two", "three"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        w->targets[i] = (struct target){.model = slice_str(names[i]),
                                        .provider = i ? SLICE("p2") : SLICE("p1"),
                                        .adapter = &toy,
                                        .origin = &w->origin,
                                        .identity = i + 1};
        w->plan[i] = &w->targets[i];
    }
    w->model.name = SLICE("one");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    arena_clear(&w->arena);
    arena_clear(&w->early);
    assert_null(wire.call); /* the arena's end gave up what still ran */
    router_free(w->router);
    loop_free(w->loop);
    free(w);
    return 0;
}

static int start(struct world *w, size_t targets, struct fault *ret_fault)
{
    const struct dispatch_ask ask = {
        .call = &w->call,
        .plan = {.model = &w->model,
                 .targets = w->plan,
                 .len = targets,
                 .resting = w->plan,
                 .resting_len = w->rest_ms ? targets : 0,
                 .rest_ms = w->rest_ms},
        .patience_ms = w->patience_ms,
        .request_id = SLICE("r1"),
        .traceparent = SLICE("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        .traced = w->traced,
        .early = &w->early,
        .sink = &w->sink,
        .outcome = &w->outcome,
    };

    *ret_fault = (struct fault){0};
    return dispatch_start(&w->dispatch, w->router, &ask, &w->arena, ret_fault);
}

static void started(struct world *w, size_t targets)
{
    struct fault fault;

    assert_int_equal(start(w, targets, &fault), AGAIN);
}

static void head(int status, const char *type, int64_t length)
{
    static struct header field;
    field = (struct header){SLICE("content-type"), slice_str(type)};
    const struct client_head h = {
        .status = status,
        .headers = {&field, 1, 1},
        .content_length = length,
        .request_sent = !wire.unsent,
    };

    wire.call->events->on_sent(wire.call);
    wire.call->events->on_head(wire.call, &h);
}

static void body(const char *text)
{
    if (wire.call)
        wire.call->events->on_body(wire.call, slice_str(text));
}

static void end(int rc)
{
    struct client_call *call = wire.call;

    wire.call = NULL;
    if (call)
        call->events->on_end(call, rc);
}

static void stream_begun(struct world *w, size_t targets)
{
    started(w, targets);
    head(200, "text/event-stream", -1);
}

static void goes_on(const char *frames)
{
    head(200, "text/event-stream", -1);
    body(frames);
}

/* --- streams --- */

static void frames_reach_the_client_byte_for_byte(void **state)
{
    struct world *w = *state;

    stream_begun(w, 1);
    body("data: role\r\n\r\nevent: x\ndata: c:a\n\n: note\n\ndata:c:b\r\rdata: fin\n\n");
    body("data: done\n\n");
    assert_string_equal(w->got, "data: role\r\n\r\nevent: x\ndata: c:a\n\n: note\n\n"
                                "data:c:b\r\rdata: fin\n\ndata: done\n\n");
    assert_true(w->last);
    assert_int_equal(wire.leaves, 1);
    assert_int_equal(w->outcome.usage.source, USAGE_ESTIMATED);
    assert_int_equal(w->outcome.usage.output, 2);
    assert_true(slice_eq(w->outcome.attempts_text, SLICE("one:200")));
}

static void an_open_stream_holds_nothing_of_the_request(void **state)
{
    struct world *w = *state;

    stream_begun(w, 1);
    body("data: role\n\n");
    assert_int_equal(wire.drops, 0);
    assert_int_not_equal(w->early.used, 0); /* another target may still need it */
    body("data: c:a\n\n");
    assert_true(w->spent);
    assert_int_equal(wire.drops, 1);
    assert_int_equal(w->early.used, 0);
    body("data: c:b\n\ndata: fin\n\ndata: done\n\n");
    assert_true(w->last);
}

static void a_request_that_is_still_being_sent_is_kept(void **state)
{
    struct world *w = *state;

    wire.unsent = true;
    stream_begun(w, 1);
    body("data: c:a\n\n");
    assert_false(w->spent);
    assert_int_not_equal(w->early.used, 0);
    body("data: fin\n\ndata: done\n\n");
    assert_true(w->last);
}

static void cut_at_every_byte_gives_the_same(void **state)
{
    static const char text[] = "data: role\n\ndata: c:a\n\ndata: junk\n\ndata: c:b\n\ndata: u:2\n\n"
                               "data: done\n\n";

    (void)state;
    for (size_t at = 1; at + 1 < sizeof(text); at++) {
        void *fresh;
        setup(&fresh);
        struct world *w = fresh;
        char left[sizeof(text)] = {0};
        memcpy(left, text, at);
        stream_begun(w, 1);
        body(left);
        body(text + at);
        assert_string_equal(w->got, "data: role\n\ndata: c:a\n\ndata: c:b\n\ndata: done\n\n");
        assert_true(w->last);
        assert_int_equal(w->outcome.usage.source, USAGE_PROVIDER);
        assert_int_equal(w->outcome.usage.output, 2);
        teardown(&fresh);
    }
}

static void a_stream_truncated_at_every_byte_is_never_a_good_end(void **state)
{
    static const char text[] = "data: role\n\ndata: c:a\n\ndata: c:b\n\ndata: done\n\n";

    (void)state;
    for (size_t at = 0; at + 3 < sizeof(text); at++) {
        for (int rc = -ECONNRESET; rc <= 0; rc += ECONNRESET) {
            void *fresh;
            setup(&fresh);
            struct world *w = fresh;
            char left[sizeof(text)] = {0};
            memcpy(left, text, at);
            stream_begun(w, 1);
            body(left);
            end(rc);
            /* a marker whose blank line is missing counts when the body ended cleanly */
            bool marker = at >= sizeof(text) - 1 - 2 && rc == 0;
            assert_int_equal(w->last, marker);
            assert_int_equal(w->faults, !marker);
            if (w->heads && !marker)
                assert_int_equal(w->fault.kind, FAULT_UPSTREAM_INTERRUPTED);
            teardown(&fresh);
        }
    }
}

static void nothing_goes_out_before_the_first_content(void **state)
{
    struct world *w = *state;

    stream_begun(w, 1);
    body("data: role\n\n: wait\n\n");
    assert_int_equal(w->heads, 0);
    body("data: c:x\n\n");
    assert_int_equal(w->heads, 1);
    assert_string_equal(w->got, "data: role\n\ndata: c:x\n\n");
}

static void the_usage_frame_goes_out_only_when_asked_for(void **state)
{
    struct world *w = *state;

    w->call.include_usage = true;
    stream_begun(w, 1);
    body("data: c:x\n\ndata: u:4\n\ndata: done\n\n");
    assert_string_equal(w->got, "data: c:x\n\ndata: u:4\n\ndata: done\n\n");
    assert_int_equal(w->outcome.usage.input, 7);
    assert_int_equal(w->outcome.usage.source, USAGE_PROVIDER);
}

static void a_clean_end_after_the_finish_reason_is_completed(void **state)
{
    struct world *w = *state;

    stream_begun(w, 1);
    body("data: c:x\n\ndata: fin\n\n");
    end(OK);
    assert_string_equal(w->got, "data: c:x\n\ndata: fin\n\ndata: done\n\n");
    assert_true(w->last);
}

/* One of several choices has ended, or so it said too early. */
static void nor_is_content_behind_the_finish_reason(void **state)
{
    struct world *w = *state;

    stream_begun(w, 1);
    body("data: c:a\n\ndata: fin\n\ndata: c:b\n\n");
    end(OK);
    assert_int_equal(w->faults, 1);
    assert_false(w->last);
}

static void a_cut_after_the_finish_reason_is_not(void **state)
{
    struct world *w = *state;

    stream_begun(w, 1);
    body("data: c:x\n\ndata: fin\n\n");
    end(-ECONNRESET);
    assert_false(w->last);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_INTERRUPTED);
    assert_int_equal(w->outcome.usage.source, USAGE_PARTIAL);
    assert_int_equal(w->outcome.usage.output, 1);
}

static void an_error_before_content_goes_to_the_next_target(void **state)
{
    struct world *w = *state;

    stream_begun(w, 2);
    body("data: role\n\ndata: err\n\n");
    assert_int_equal(wire.starts, 2);
    assert_int_equal(w->heads + w->faults, 0);
    head(200, "text/event-stream", -1);
    body("data: c:good\n\ndata: done\n\n");
    assert_string_equal(w->got, "data: c:good\n\ndata: done\n\n");
    assert_true(slice_eq(w->outcome.attempts_text, SLICE("one:failed,two:200")));
    assert_true(w->outcome.fallback_used);
    assert_true(slice_eq(w->outcome.provider, SLICE("p2")));
    assert_int_equal(w->outcome.attempts, 2);
}

/* However many are tried, only one holds something. */
static void what_a_failed_stream_held_is_given_back(void **state)
{
    struct world *w = *state;

    stream_begun(w, 2);
    body("data: role\n\ndata: ha");
    const struct attempt_stream *failed = w->dispatch.attempt.stream;
    assert_int_not_equal(failed->held.cap + failed->sse.held.cap, 0);
    end(-ECONNRESET);
    assert_int_equal(wire.starts, 2);
    assert_int_equal(failed->held.cap + failed->sse.held.cap, 0);
    goes_on("data: c:a\n\ndata: done\n\n");
    assert_string_equal(w->got, "data: c:a\n\ndata: done\n\n");
}

static void an_error_after_content_is_told_in_band_and_goes_nowhere(void **state)
{
    struct world *w = *state;

    stream_begun(w, 2);
    body("data: c:x\n\ndata: err\n\ndata: done\n\n");
    assert_int_equal(wire.starts, 1);
    assert_int_equal(wire.cancels, 1);
    assert_string_equal(w->got, "data: c:x\n\n");
    assert_int_equal(w->faults, 1);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_INTERRUPTED);
}

static void a_frame_over_the_limit_is_an_error_not_silence(void **state)
{
    struct world *w = *state;
    char big[400];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    stream_begun(w, 1);
    body("data: c:x\n\n");
    body(big);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_INTERRUPTED);
}

static void held_frames_are_bounded(void **state)
{
    struct world *w = *state;

    stream_begun(w, 1);
    for (int i = 0; i < 30; i++)
        body("data: role\n\n");
    assert_int_equal(w->faults, 1);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_PROTOCOL);
}

static void a_slow_client_pauses_the_provider(void **state)
{
    struct world *w = *state;

    stream_begun(w, 1);
    w->bytes_rc = AGAIN;
    body("data: c:x\n\n");
    assert_true(wire.paused);
    w->bytes_rc = OK;
    dispatch_proceed(&w->dispatch);
    assert_false(wire.paused);
    body("data: done\n\n");
    assert_true(w->last);
}

static void a_client_that_is_gone_ends_the_attempt(void **state)
{
    struct world *w = *state;

    stream_begun(w, 2);
    body("data: c:x\n\n");
    w->bytes_rc = -EPIPE;
    body("data: c:y\n\n");
    assert_int_equal(wire.cancels, 1);
    assert_int_equal(w->faults, 0);
    assert_int_equal(w->outcome.usage.source, USAGE_PARTIAL);
    dispatch_cancel(&w->dispatch);
    assert_int_equal(wire.cancels, 1);
}

static void a_whole_answer_where_a_stream_was_asked_for_is_a_fault(void **state)
{
    struct world *w = *state;

    started(w, 1);
    head(200, "application/json", 2);
    body("{}");
    end(OK);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_PROTOCOL);
}

/* --- translated --- */

static void translated(struct world *w, size_t targets)
{
    w->targets[0].adapter = &other;
    stream_begun(w, targets);
}

static void what_the_op_says_is_relayed_and_nothing_else(void **state)
{
    struct world *w = *state;

    translated(w, 1);
    body("data: role\n\n: note\n\n");
    assert_int_equal(w->heads, 0);
    body("data: c:a\n\ndata: junk\n\ndata: u:4\n\n: note\n\ndata: c:b\n\n");
    assert_string_equal(w->got, "<role><c:a><c:b>");
    body("data: fin\n\ndata: done\n\n");
    assert_string_equal(w->got, "<role><c:a><c:b><fin><done>");
    assert_true(w->last);
    assert_int_equal(w->outcome.usage.output, 4);
}

static void a_translated_answer_is_finished_by_its_op(void **state)
{
    struct world *w = *state;

    translated(w, 1);
    body("data: c:a\n\ndata: fin\n\n");
    end(OK);
    assert_string_equal(w->got, "<c:a><fin><end>");
    assert_true(w->last);
}

static void what_was_translated_for_nothing_is_not_sent(void **state)
{
    struct world *w = *state;

    translated(w, 2);
    body("data: role\n\ndata: err\n\n");
    goes_on("data: c:x\n\ndata: done\n\n");
    assert_string_equal(w->got, "data: c:x\n\ndata: done\n\n");
}

static void an_error_behind_translated_content_comes_after_it(void **state)
{
    struct world *w = *state;

    translated(w, 2);
    body("data: c:a\n\ndata: err\n\n");
    assert_string_equal(w->got, "<c:a>");
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_INTERRUPTED);
}

static void a_refusal_is_translated(void **state)
{
    struct world *w = *state;

    w->targets[0].adapter = &other;
    started(w, 1);
    head(400, "application/json", -1);
    body("no");
    end(OK);
    assert_true(slice_eq(w->fault.upstream_body, SLICE("<no>")));
}

static void a_translated_answer_too_large_to_keep_is_a_fault(void **state)
{
    struct world *w = *state;

    translated(w, 1);
    for (int i = 0; i < 20000 && w->fault.kind == FAULT_NONE; i++)
        body("data: role\n\n");
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_TOO_LARGE);
}

/* The limit is that of a frame, not of what a read brings. */
static void many_translated_frames_of_one_read_are_relayed(void **state)
{
    static const char frame[] = "data: c:abcdef\n\n", said[] = "<c:abcdef>";
    enum { FRAMES = 200 };
    char text[FRAMES * sizeof(frame)] = "", wanted[FRAMES * sizeof(said)] = "";
    struct world *w = *state;

    for (size_t i = 0; i < FRAMES; i++) {
        memcpy(text + i * (sizeof(frame) - 1), frame, sizeof(frame));
        memcpy(wanted + i * (sizeof(said) - 1), said, sizeof(said));
    }
    translated(w, 1);
    body(text);
    assert_int_equal(w->fault.kind, FAULT_NONE);
    assert_string_equal(w->got, wanted);
}

static void a_translated_answer_neither_needs_nor_is_a_rescue(void **state)
{
    struct world *w = *state;

    w->model.rescue = true;
    w->targets[1].adapter = &other;
    stream_begun(w, 2);
    body("data: t:\"abc\"\n\n");
    end(-ECONNRESET);
    assert_string_equal(w->got, "data: t:\"abc\"\n\n");
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_INTERRUPTED);
    assert_int_equal(w->faults, 1);
    assert_int_equal(wire.starts, 1); /* nobody pays for what cannot be used */
}

static void a_fallback_that_cannot_express_the_call_is_passed_over(void **state)
{
    struct world *w = *state;

    w->targets[1].upstream_model = SLICE("unsupported");
    started(w, 2);
    head(500, "text/plain", -1);
    end(OK);
    assert_int_equal(wire.starts, 1);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_ERROR);
    assert_int_equal(w->fault.upstream_status, 500);
    assert_true(slice_eq(w->outcome.served_model, SLICE("one"))); /* who said so */
    assert_true(slice_eq(w->outcome.provider, SLICE("p1")));
    assert_false(w->outcome.fallback_used);
}

/* --- buffered --- */

static void buffered_begun(struct world *w, size_t targets, int64_t length)
{
    w->call.stream = false;
    started(w, targets);
    head(200, "application/json", length);
}

static void a_buffered_answer_is_committed_when_it_is_whole(void **state)
{
    struct world *w = *state;

    buffered_begun(w, 1, 12);
    body("{\"usa");
    assert_int_equal(w->heads, 0);
    body("ge\":1}");
    end(OK);
    assert_string_equal(w->got, "{\"usage\":1}");
    assert_true(w->last);
    assert_int_equal(w->outcome.usage.output, 4);
}

static void a_buffered_answer_of_unknown_length_too(void **state)
{
    struct world *w = *state;

    buffered_begun(w, 1, -1);
    body("{");
    body("}");
    end(OK);
    assert_string_equal(w->got, "{}");
    assert_int_equal(w->outcome.usage.source, USAGE_ESTIMATED);
}

/* Its length is that of numbers: no model wrote them. */
static void an_embedding_has_no_tokens_of_its_own(void **state)
{
    struct world *w = *state;

    w->call.kind = CALL_EMBEDDINGS;
    buffered_begun(w, 1, -1);
    body("{\"data\":[0.1,0.2,0.3,0.4,0.5]}");
    end(OK);
    assert_true(w->last);
    assert_int_equal(w->outcome.usage.source, USAGE_ESTIMATED);
    assert_int_equal(w->outcome.usage.input, 5);
    assert_int_equal(w->outcome.usage.output, 0);
}

static void a_buffered_answer_that_breaks_goes_to_the_next_target(void **state)
{
    struct world *w = *state;

    buffered_begun(w, 2, -1);
    body("{\"half");
    end(-ECONNRESET);
    assert_int_equal(w->heads, 0);
    head(200, "application/json", -1);
    body("{}");
    end(OK);
    assert_string_equal(w->got, "{}");
}

static void an_answer_over_the_limit_is_a_fault(void **state)
{
    struct world *w = *state;

    buffered_begun(w, 1, 4096);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_TOO_LARGE);
}

static void an_answer_that_cannot_be_read_is_a_fault(void **state)
{
    struct world *w = *state;

    buffered_begun(w, 1, -1);
    body("<html>");
    end(OK);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_PROTOCOL);
}

/* --- faults --- */

static void a_refusal_of_the_caller_goes_back_at_once(void **state)
{
    struct world *w = *state;

    started(w, 2);
    head(400, "application/json", -1);
    body("{\"error\":{}}");
    end(OK);
    assert_int_equal(wire.starts, 1);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_REFUSED);
    assert_int_equal(w->fault.upstream_status, 400);
    assert_true(slice_eq(w->fault.upstream_body, SLICE("{\"error\":{}}")));
}

static void a_refusals_body_is_bounded(void **state)
{
    struct world *w = *state;
    static char big[40000];

    memset(big, 'x', sizeof(big) - 1);
    started(w, 1);
    head(400, "text/plain", -1);
    body(big);
    body(big);
    body(big);
    end(OK);
    assert_int_equal(w->fault.upstream_body.len, 64 * 1024);
}

static void every_target_failed_is_the_last_fault(void **state)
{
    struct world *w = *state;

    started(w, 2);
    end(-ECONNREFUSED);
    head(503, "text/plain", -1);
    end(OK);
    assert_int_equal(w->faults, 1);
    assert_int_equal(w->fault.upstream_status, 503);
    assert_true(slice_eq(w->outcome.attempts_text, SLICE("one:connect,two:503")));
}

static void run_until_started(struct world *w, unsigned starts);

static void what_failed_fast_is_tried_again(void **state)
{
    struct world *w = *state;

    w->targets[0].retries = 1;
    w->call.stream = false;
    started(w, 2);
    head(500, "text/plain", -1);
    end(OK);
    assert_int_equal(wire.starts, 1); /* not at once: there is a wait */
    run_until_started(w, 2);
    head(200, "application/json", -1);
    body("{}");
    end(OK);
    assert_string_equal(w->got, "{}");
    assert_true(slice_eq(w->outcome.attempts_text, SLICE("one:500,one:200")));
    assert_int_equal(w->outcome.attempts, 2);
    assert_false(w->outcome.fallback_used);
}

static void retries_end_and_the_next_target_is_taken(void **state)
{
    struct world *w = *state;

    w->targets[0].retries = 2;
    started(w, 2);
    end(-ECONNREFUSED);
    run_until_started(w, 2);
    end(-ECONNREFUSED);
    run_until_started(w, 3);
    end(-ECONNREFUSED);
    assert_int_equal(wire.starts, 4); /* the next target at once */
    end(-ECONNREFUSED);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_CONNECT);
    assert_true(slice_eq(w->outcome.attempts_text,
                         SLICE("one:connect,one:connect,one:connect,two:connect")));
}

static void a_client_that_left_while_a_retry_waits_is_not_served(void **state)
{
    struct world *w = *state;

    w->targets[0].retries = 1;
    started(w, 1);
    end(-ECONNRESET);
    dispatch_cancel(&w->dispatch);
    assert_false(timer_is_set(&w->dispatch.backoff));
    assert_int_equal(wire.starts, 1);
    assert_int_equal(w->faults, 0);
}

static void ends_are_told_apart(void **state)
{
    static const struct {
        int rc;
        enum client_phase phase;
        enum fault_kind kind;
    } cases[] = {
        {-ECONNREFUSED, CLIENT_CONNECTING, FAULT_UPSTREAM_CONNECT  },
        {-EHOSTUNREACH, CLIENT_CONNECTING, FAULT_UPSTREAM_CONNECT  },
        {-ETIMEDOUT,    CLIENT_CONNECTING, FAULT_UPSTREAM_TIMEOUT  },
        {-EPROTO,       CLIENT_CONNECTING, FAULT_UPSTREAM_TLS      },
        {-EKEYREJECTED, CLIENT_CONNECTING, FAULT_UPSTREAM_TLS      },
        {-ECONNRESET,   CLIENT_SENDING,    FAULT_UPSTREAM_RESET    },
        {-ECONNRESET,   CLIENT_WAITING,    FAULT_UPSTREAM_RESET    },
        {-EPROTO,       CLIENT_WAITING,    FAULT_UPSTREAM_PROTOCOL },
        {-EMSGSIZE,     CLIENT_WAITING,    FAULT_UPSTREAM_TOO_LARGE},
        {-EBUSY,        CLIENT_CONNECTING, FAULT_UPSTREAM_BUSY     },
        {-ENOMEM,       CLIENT_CONNECTING, FAULT_INTERNAL          },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        void *fresh;
        setup(&fresh);
        struct world *w = fresh;
        started(w, 1);
        wire.call->phase = cases[i].phase;
        end(cases[i].rc);
        assert_int_equal(w->fault.kind, cases[i].kind);
        teardown(&fresh);
    }
}

static void a_call_that_cannot_be_begun_is_refused_at_once(void **state)
{
    struct world *w = *state;
    struct fault fault;

    wire.refuse = -EBUSY;
    assert_true(start(w, 2, &fault) < 0);
    assert_int_equal(wire.starts, 2);
    assert_int_equal(fault.kind, FAULT_UPSTREAM_BUSY);
    assert_int_equal(w->heads + w->faults, 0);
    dispatch_cancel(&w->dispatch);
}

static void what_cannot_be_expressed_is_the_callers_fault(void **state)
{
    struct world *w = *state;
    struct fault fault;

    w->targets[0].upstream_model = SLICE("inexpressible");
    assert_true(start(w, 2, &fault) < 0);
    assert_int_equal(wire.starts, 0);
    assert_int_equal(fault.kind, FAULT_INVALID_VALUE);
}

/* However many a caller sends, it is nothing that targets did. */
static void more_fields_than_fit_are_the_callers_fault(void **state)
{
    struct world *w = *state;
    struct fault fault;

    w->targets[0].upstream_model = SLICE("fields");
    for (unsigned i = 0; i < 6; i++) {
        w->dispatch = (struct dispatch){.next = 0};
        assert_int_not_equal(start(w, 2, &fault), AGAIN);
        assert_int_equal(fault.kind, FAULT_HEADER_TOO_LARGE);
    }
    assert_int_equal(wire.starts, 0);
    assert_int_equal(health(w, 0).wait_ms, 0);
}

static void a_head_that_is_too_long_to_be_sent_is_the_callers_fault(void **state)
{
    struct world *w = *state;

    started(w, 2);
    wire.call->phase = CLIENT_SENDING;
    end(-EMSGSIZE);
    assert_int_equal(w->faults, 1);
    assert_int_equal(w->fault.kind, FAULT_HEADER_TOO_LARGE);
    assert_int_equal(wire.starts, 1);
}

static void cancel_before_the_head_closes_and_counts_nothing(void **state)
{
    struct world *w = *state;

    started(w, 2);
    dispatch_cancel(&w->dispatch);
    dispatch_cancel(&w->dispatch);
    assert_int_equal(wire.cancels, 1);
    assert_int_equal(w->outcome.usage.source, USAGE_NONE);
    assert_int_equal(w->faults, 0);
}

/* --- health --- */

static struct plan_health health(struct world *w, size_t target)
{
    const struct plan_view *view = router_view(w->router);

    return view->look(view, &w->targets[target]);
}

/* A call of its own, with the router of this test. */
static void call_that(struct world *w, void (*happen)(struct world *w))
{
    arena_clear(&w->arena);
    memset(&w->dispatch, 0, sizeof(w->dispatch));
    w->outcome = (struct outcome){0};
    w->heads = w->faults = 0;
    w->last = false;
    w->got_len = 0;
    started(w, 1);
    assert_int_equal(health(w, 0).outstanding, 1);
    happen(w);
    assert_int_equal(health(w, 0).outstanding, 0);
}

static void is_reset(struct world *w)
{
    (void)w;
    end(-ECONNRESET);
}

static void is_refused(struct world *w)
{
    (void)w;
    head(400, "application/json", -1);
    end(OK);
}

static void has_no_credentials(struct world *w)
{
    (void)w;
    head(401, "application/json", -1);
    end(OK);
}

static void is_left(struct world *w)
{
    dispatch_cancel(&w->dispatch);
}

static void breaks_off(struct world *w)
{
    (void)w;
    head(200, "text/event-stream", -1);
    body("data: c:x\n\n");
    end(-ECONNRESET);
}

static void is_answered(struct world *w)
{
    (void)w;
    head(200, "text/event-stream", -1);
    body("data: c:x\n\ndata: done\n\n");
}

static void failures_open_the_circuit_and_the_callers_faults_do_not(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 20; i++)
        call_that(w, i % 2 ? is_refused : is_left);
    assert_int_equal(health(w, 0).wait_ms, 0);
    for (int i = 0; i < 4; i++)
        call_that(w, is_reset);
    call_that(w, is_answered);
    assert_int_equal(health(w, 0).wait_ms, 0);
    for (int i = 0; i < 5; i++)
        call_that(w, is_reset);
    assert_int_not_equal(health(w, 0).wait_ms, 0);
    assert_int_equal(health(w, 1).wait_ms, 0);
}

static void streams_that_break_off_open_it_too(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 10; i++)
        call_that(w, breaks_off);
    assert_int_not_equal(health(w, 0).wait_ms, 0);
}

static void refused_credentials_open_it_at_once(void **state)
{
    struct world *w = *state;

    call_that(w, has_no_credentials);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_CREDENTIALS);
    assert_int_not_equal(health(w, 0).wait_ms, 0);
}

static void an_open_circuit_is_not_asked_twice(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 5; i++)
        call_that(w, is_reset);
    w->targets[0].retries = 1;
    call_that(w, is_reset);
    assert_false(timer_is_set(&w->dispatch.backoff));
}

static void when_all_rest_the_answer_says_until_when(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 5; i++)
        call_that(w, is_reset);
    w->rest_ms = 1;
    call_that(w, is_reset);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_UNAVAILABLE);
    assert_int_equal(w->fault.retry_after_ms, health(w, 0).wait_ms);
    call_that(w, is_refused);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_REFUSED);
    w->rest_ms = 1;
    call_that(w, has_no_credentials);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_CREDENTIALS);
}

/* --- a prompt that is too long --- */

static void too_long(struct world *w, const char *model)
{
    w->targets[1].model = SLICE("one"); /* the same model at another place */
    w->model.fallback_on = model ? FALLBACK_ON_CONTEXT_LENGTH : 0;
    started(w, 3);
    head(413, "application/json", -1);
    end(OK);
}

static void a_prompt_too_long_goes_back_to_the_caller(void **state)
{
    struct world *w = *state;

    too_long(w, NULL);
    assert_int_equal(wire.starts, 1);
    assert_int_equal(w->fault.kind, FAULT_CONTEXT_LENGTH);
}

static void or_to_another_model_where_that_is_allowed(void **state)
{
    struct world *w = *state;

    too_long(w, "three");
    assert_int_equal(wire.starts, 2);
    head(200, "text/event-stream", -1);
    body("data: c:good\n\ndata: done\n\n");
    assert_true(slice_eq(w->outcome.attempts_text, SLICE("one:413,three:200")));
    assert_true(w->outcome.fallback_used);
}

/* What the provider said lives on while others are looked for. */
static void or_back_to_the_caller_when_the_other_cannot_express_the_call(void **state)
{
    struct world *w = *state;

    w->targets[1].upstream_model = SLICE("unsupported");
    w->model.fallback_on = FALLBACK_ON_CONTEXT_LENGTH;
    started(w, 2);
    head(413, "application/json", -1);
    body("{\"error\":\"too long\"}");
    end(OK);
    assert_int_equal(w->fault.kind, FAULT_CONTEXT_LENGTH);
    assert_true(slice_eq(w->said, SLICE("{\"error\":\"too long\"}")));
}

/* --- rescue --- */

static void cut_after(struct world *w, size_t targets, const char *frames)
{
    w->model.rescue = true;
    stream_begun(w, targets);
    body(frames);
    assert_false(w->spent); /* another target may still need the call */
    end(-ECONNRESET);
}

static void a_cut_answer_is_continued_by_the_same_text(void **state)
{
    struct world *w = *state;

    cut_after(w, 2, "data: role\n\ndata: t:\"ab\"\n\ndata: t:\"c\"\n\n");
    goes_on("data: role\n\ndata: t:\"abc\"\n\ndata: t:\"d\"\n\ndata: u:9\n\ndata: fin\n\ndata: "
            "done\n\n");
    assert_string_equal(w->got, "data: role\n\ndata: t:\"ab\"\n\ndata: t:\"c\"\n\n"
                                "data: t:\"d\"\n\ndata: fin\n\ndata: done\n\n");
    assert_true(w->last);
    assert_int_equal(w->faults, 0);
    assert_int_equal(w->outcome.usage.output, 9);
    assert_true(slice_eq(w->outcome.attempts_text, SLICE("one:200,two:200")));
}

static void a_piece_is_cut_where_the_clients_text_ends(void **state)
{
    struct world *w = *state;

    cut_after(w, 2, "data: t:\"abc\"\n\n");
    goes_on("data: t:\"ab\"\n\ndata: t:\"c\\u00e4\\n!\"\n\n");
    assert_string_equal(w->got, "data: t:\"abc\"\n\ndata: t:\"ä\\n!\"\n\n");
    body("data: f:\"x\"\n\ndata: done\n\n");
    assert_true(w->last);
}

static void an_end_in_the_last_known_piece_is_kept(void **state)
{
    struct world *w = *state;

    cut_after(w, 2, "data: t:\"abc\"\n\n");
    goes_on("data: f:\"abc\"\n\ndata: done\n\n");
    assert_string_equal(w->got, "data: t:\"abc\"\n\ndata: f:\"\"\n\ndata: done\n\n");
    assert_true(w->last);
}

/* Each ends as a stream does that broke off, and nothing of the other answer is seen. */
static void what_differs_is_not_continued(void **state)
{
    static const char *const others[] = {
        "data: t:\"abx\"\n\n", "data: t:\"ab\"\n\ndata: fin\n\n",
        "data: f:\"ab\"\n\n",  "data: t:\"ab\"\n\ndata: done\n\n",
        "data: c:x\n\n",       "data: done\n\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        void *fresh;
        setup(&fresh);
        struct world *w = fresh;
        cut_after(w, 3, "data: t:\"abc\"\n\n");
        goes_on(others[i]);
        assert_string_equal(w->got, "data: t:\"abc\"\n\n");
        assert_int_equal(w->faults, 1);
        assert_int_equal(w->fault.kind, FAULT_UPSTREAM_INTERRUPTED);
        assert_int_equal(wire.starts, 2);
        assert_int_equal(w->outcome.usage.output, 1); /* of the answer that the client has */
        assert_int_equal(w->outcome.usage.source, USAGE_PARTIAL);
        assert_int_equal(health(w, 1).outstanding, 0);
        teardown(&fresh);
    }
}

static void a_rescue_that_ends_short_of_its_text_sends_no_end(void **state)
{
    struct world *w = *state;

    cut_after(w, 2, "data: t:\"abc\"\n\n");
    goes_on("data: t:\"ab\"\n\ndata: done"); /* its end comes with the body's */
    end(OK);
    assert_int_equal(w->faults, 1);
    assert_false(w->last);
    assert_int_equal(w->outcome.usage.output, 1);
    assert_int_equal(w->outcome.usage.source, USAGE_PARTIAL);
}

static void a_rescue_that_fails_goes_to_the_next(void **state)
{
    struct world *w = *state;

    cut_after(w, 3, "data: t:\"abc\"\n\n");
    end(-ECONNREFUSED);
    assert_int_equal(wire.starts, 3);
    goes_on("data: t:\"abcd\"\n\n");
    end(-ECONNRESET); /* nobody is left */
    assert_string_equal(w->got, "data: t:\"abc\"\n\ndata: t:\"d\"\n\n");
    assert_int_equal(w->faults, 1);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_INTERRUPTED);
}

static void what_is_not_text_is_not_rescued(void **state)
{
    struct world *w = *state;

    cut_after(w, 2, "data: t:\"abc\"\n\ndata: c:tool\n\n");
    assert_int_equal(wire.starts, 1);
    assert_int_equal(w->faults, 1);
}

static void a_client_that_leaves_during_a_rescue_has_what_it_has(void **state)
{
    struct world *w = *state;

    cut_after(w, 2, "data: t:\"ab\"\n\ndata: t:\"c\"\n\n");
    goes_on("data: t:\"ab\"\n\n");
    dispatch_cancel(&w->dispatch);
    assert_int_equal(w->outcome.usage.output, 2);
}

static void a_slow_client_of_a_rescue_wakes_who_waits_for_it(void **state)
{
    struct world *w = *state;

    w->model.rescue = true;
    stream_begun(w, 2);
    w->bytes_rc = AGAIN;
    body("data: t:\"abc\"\n\n");
    assert_true(wire.paused);
    end(-ECONNRESET);
    wire.paused = false;
    dispatch_proceed(&w->dispatch); /* while the other has not even begun */
    w->bytes_rc = OK;
    goes_on("data: t:\"abcd\"\n\ndata: done\n\n");
    assert_true(w->last);
}

/* --- clocks, on the real loop --- */

struct stopper {
    struct timer timer;
    struct world *w;
};

static void stop_when_failed(struct timer *t)
{
    struct stopper *s = container_of(t, struct stopper, timer);

    if (s->w->faults)
        loop_stop(s->w->loop);
    else
        timer_set(t, 1);
}

struct start_watch {
    struct timer timer;
    struct loop *loop;
    unsigned wanted;
};

static void stop_when_started(struct timer *t)
{
    struct start_watch *s = container_of(t, struct start_watch, timer);

    if (wire.starts >= s->wanted)
        loop_stop(s->loop);
    else
        timer_set(t, 1);
}

static void run_until_started(struct world *w, unsigned starts)
{
    struct start_watch s = {.loop = w->loop, .wanted = starts};
    const struct router_clocks patient = {600000, 600000, 600000, 600000};

    router_set_clocks(w->router, &patient); /* the attempt is answered when the loop has stopped */
    timer_init(&s.timer, w->loop, stop_when_started);
    timer_set(&s.timer, 1);
    loop_run(w->loop);
    timer_stop(&s.timer);
    assert_int_equal(wire.starts, starts);
}

static void run_until_fault(struct world *w)
{
    struct stopper s = {.w = w};

    timer_init(&s.timer, w->loop, stop_when_failed);
    timer_set(&s.timer, 1);
    loop_run(w->loop);
    timer_stop(&s.timer);
}

static void a_silent_provider_is_a_timeout(void **state)
{
    struct world *w = *state;

    started(w, 1);
    wire.call->events->on_sent(wire.call);
    run_until_fault(w);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_TIMEOUT);
    assert_int_equal(wire.cancels, 1);
}

static void a_role_does_not_stop_the_first_content_clock(void **state)
{
    struct world *w = *state;

    stream_begun(w, 1);
    body("data: role\n\n");
    run_until_fault(w);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_TIMEOUT);
    assert_int_equal(w->heads, 0);
}

static void a_stall_after_content_is_told_in_band(void **state)
{
    struct world *w = *state;

    stream_begun(w, 2);
    body("data: c:x\n\n");
    run_until_fault(w);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_INTERRUPTED);
    assert_int_equal(wire.starts, 1);
}

static void the_whole_has_a_deadline(void **state)
{
    struct world *w = *state;
    const struct router_clocks clocks = {600000, 600000, 600000, 10};

    router_set_clocks(w->router, &clocks);
    stream_begun(w, 2);
    run_until_fault(w);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_TIMEOUT);
    assert_int_equal(wire.starts, 1);
}

static void the_caller_may_wait_for_less(void **state)
{
    struct world *w = *state;

    w->patience_ms = 10;
    stream_begun(w, 2);
    run_until_fault(w);
    assert_int_equal(w->fault.kind, FAULT_UPSTREAM_TIMEOUT);
    assert_int_equal(wire.starts, 1);
    assert_int_equal(health(w, 0).wait_ms, 0);
}

struct byte_watch {
    struct timer timer;
    struct world *w;
};

static void stop_when_bytes_came(struct timer *t)
{
    struct byte_watch *b = container_of(t, struct byte_watch, timer);

    if (b->w->got_len)
        loop_stop(b->w->loop);
    else
        timer_set(t, 1);
}

static void run_until_bytes(struct world *w)
{
    struct byte_watch b = {.w = w};

    timer_init(&b.timer, w->loop, stop_when_bytes_came);
    timer_set(&b.timer, 1);
    loop_run(w->loop);
    timer_stop(&b.timer);
}

static void comments_are_sent_while_the_first_content_is_awaited(void **state)
{
    static const struct router_clocks clocks = {600000, 600000, 600000, 600000};
    struct world *w = *state;

    router_set_clocks(w->router, &clocks);
    w->model.keepalive_ms = 2;
    stream_begun(w, 2);
    body("data: role\n\n");
    run_until_bytes(w);
    assert_true(w->told_early);
    assert_false(w->spent);
    assert_int_equal(strncmp(w->got, ": keep-alive\n\n", 14), 0);
    body("data: err\n\n"); /* it may still go elsewhere */
    assert_int_equal(wire.starts, 2);
    w->got_len = 0;
    goes_on("data: c:x\n\n");
    assert_int_equal(w->heads, 1);
    assert_string_equal(w->got, "data: c:x\n\n");
    assert_false(timer_is_set(&w->dispatch.keepalive));
    body("data: done\n\n");
    assert_true(w->last);
}

static void a_buffered_call_gets_no_comments(void **state)
{
    struct world *w = *state;

    w->model.keepalive_ms = 1;
    w->call.stream = false;
    started(w, 1);
    assert_false(timer_is_set(&w->dispatch.keepalive));
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        void *fresh;
        struct fault fault;
        setup(&fresh);
        struct world *w = fresh;
        alloc_fail_at(n);
        int rc = start(w, 1, &fault);
        if (rc == AGAIN) {
            head(200, "text/event-stream", -1);
            body("data: ro");
            body("le\n\ndata: c:a\n\ndata: done\n\n");
            end(OK);
        }
        bool hit = alloc_fail_hit();
        if (rc < 0)
            assert_int_not_equal(fault.kind, FAULT_NONE);
        else
            assert_int_equal(w->faults + w->last, 1);
        teardown(&fresh);
        if (!hit)
            break;
    }
}

/* --- who watches --- */

static void assert_reports(const struct world *w, size_t n, const enum fault_kind *faults)
{
    assert_int_equal(w->reports_len, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(w->reports[i].fault, faults[i]);
}

static void each_attempt_is_reported_once_when_it_is_over(void **state)
{
    static const enum fault_kind faults[] = {FAULT_UPSTREAM_PROTOCOL, FAULT_NONE};
    struct world *w = *state;

    w->call.stream = false;
    started(w, 2);
    head(200, "application/json", 4);
    body("junk");
    end(OK);
    assert_reports(w, 1, faults);
    assert_ptr_equal(w->reports[0].target, &w->targets[0]);
    assert_int_equal(w->reports[0].status, 200);
    assert_int_equal(w->reports[0].tries, 1);
    assert_true(slice_is_empty(w->reports[0].span));
    head(200, "application/json", 2);
    body("{}");
    end(OK);
    assert_reports(w, 2, faults);
    assert_true(slice_eq(w->reports[1].host, SLICE("box")));
    assert_int_equal(w->reports[1].port, 8000);
    dispatch_cancel(&w->dispatch);
    assert_reports(w, 2, faults);
}

static void a_caller_that_leaves_is_reported_as_such(void **state)
{
    static const enum fault_kind gone[] = {FAULT_CLIENT_CLOSED};
    struct world *w = *state;

    stream_begun(w, 2);
    body("data: c:a\n\n");
    assert_reports(w, 0, NULL);
    dispatch_cancel(&w->dispatch);
    dispatch_cancel(&w->dispatch);
    assert_reports(w, 1, gone);
}

static struct slice sent_traceparent(void)
{
    const struct client_request *r = wire.call->request;

    for (size_t i = 0; i < r->headers_len; i++)
        if (slice_eq(r->headers[i].name, SLICE("traceparent")))
            return r->headers[i].value;
    return SLICE("");
}

static void a_traced_attempt_is_the_providers_parent(void **state)
{
    struct world *w = *state;
    char sent[2][TRACEPARENT_LEN];

    w->call.stream = false;
    w->traced = true;
    started(w, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(sent_traceparent().len, TRACEPARENT_LEN);
        memcpy(sent[i], sent_traceparent().at, TRACEPARENT_LEN);
        assert_memory_equal(sent[i], "00-4bf92f3577b34da6a3ce929d0e0e4736-", TRACEPARENT_SPAN);
        assert_memory_equal(sent[i] + TRACEPARENT_FLAGS, "01", 2);
        head(200, "application/json", 4);
        body("junk");
        end(OK);
        assert_memory_equal(w->spans[i], sent[i] + TRACEPARENT_SPAN, SPAN_ID_TEXT);
    }
    assert_memory_not_equal(w->spans[0], w->spans[1], SPAN_ID_TEXT);
    assert_memory_equal(w->reports[1].traceparent.at + TRACEPARENT_SPAN, "00f067aa0ba902b7",
                        SPAN_ID_TEXT);
}

static void what_is_not_traced_passes_on_the_callers_parent(void **state)
{
    started(*state, 1);
    assert_true(slice_eq(sent_traceparent(),
                         SLICE("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_attempt_is_reported_once_when_it_is_over),
        TEST(a_caller_that_leaves_is_reported_as_such),
        TEST(a_traced_attempt_is_the_providers_parent),
        TEST(what_is_not_traced_passes_on_the_callers_parent),
        TEST(frames_reach_the_client_byte_for_byte),
        TEST(an_open_stream_holds_nothing_of_the_request),
        TEST(a_request_that_is_still_being_sent_is_kept),
        cmocka_unit_test(cut_at_every_byte_gives_the_same),
        cmocka_unit_test(a_stream_truncated_at_every_byte_is_never_a_good_end),
        TEST(nothing_goes_out_before_the_first_content),
        TEST(the_usage_frame_goes_out_only_when_asked_for),
        TEST(a_clean_end_after_the_finish_reason_is_completed),
        TEST(a_cut_after_the_finish_reason_is_not),
        TEST(nor_is_content_behind_the_finish_reason),
        TEST(an_error_before_content_goes_to_the_next_target),
        TEST(what_a_failed_stream_held_is_given_back),
        TEST(an_error_after_content_is_told_in_band_and_goes_nowhere),
        TEST(a_frame_over_the_limit_is_an_error_not_silence),
        TEST(held_frames_are_bounded),
        TEST(a_slow_client_pauses_the_provider),
        TEST(a_client_that_is_gone_ends_the_attempt),
        TEST(a_whole_answer_where_a_stream_was_asked_for_is_a_fault),
        TEST(what_the_op_says_is_relayed_and_nothing_else),
        TEST(a_translated_answer_is_finished_by_its_op),
        TEST(what_was_translated_for_nothing_is_not_sent),
        TEST(an_error_behind_translated_content_comes_after_it),
        TEST(a_refusal_is_translated),
        TEST(a_translated_answer_too_large_to_keep_is_a_fault),
        TEST(many_translated_frames_of_one_read_are_relayed),
        TEST(a_translated_answer_neither_needs_nor_is_a_rescue),
        TEST(a_fallback_that_cannot_express_the_call_is_passed_over),
        TEST(a_buffered_answer_is_committed_when_it_is_whole),
        TEST(a_buffered_answer_of_unknown_length_too),
        TEST(an_embedding_has_no_tokens_of_its_own),
        TEST(a_buffered_answer_that_breaks_goes_to_the_next_target),
        TEST(an_answer_over_the_limit_is_a_fault),
        TEST(an_answer_that_cannot_be_read_is_a_fault),
        TEST(a_refusal_of_the_caller_goes_back_at_once),
        TEST(a_refusals_body_is_bounded),
        TEST(every_target_failed_is_the_last_fault),
        TEST(what_failed_fast_is_tried_again),
        TEST(retries_end_and_the_next_target_is_taken),
        TEST(a_client_that_left_while_a_retry_waits_is_not_served),
        cmocka_unit_test(ends_are_told_apart),
        TEST(a_call_that_cannot_be_begun_is_refused_at_once),
        TEST(what_cannot_be_expressed_is_the_callers_fault),
        TEST(more_fields_than_fit_are_the_callers_fault),
        TEST(a_head_that_is_too_long_to_be_sent_is_the_callers_fault),
        TEST(cancel_before_the_head_closes_and_counts_nothing),
        TEST(failures_open_the_circuit_and_the_callers_faults_do_not),
        TEST(streams_that_break_off_open_it_too),
        TEST(refused_credentials_open_it_at_once),
        TEST(an_open_circuit_is_not_asked_twice),
        TEST(when_all_rest_the_answer_says_until_when),
        TEST(a_prompt_too_long_goes_back_to_the_caller),
        TEST(or_to_another_model_where_that_is_allowed),
        TEST(or_back_to_the_caller_when_the_other_cannot_express_the_call),
        TEST(a_cut_answer_is_continued_by_the_same_text),
        TEST(a_piece_is_cut_where_the_clients_text_ends),
        TEST(an_end_in_the_last_known_piece_is_kept),
        cmocka_unit_test(what_differs_is_not_continued),
        TEST(a_rescue_that_ends_short_of_its_text_sends_no_end),
        TEST(a_rescue_that_fails_goes_to_the_next),
        TEST(what_is_not_text_is_not_rescued),
        TEST(a_client_that_leaves_during_a_rescue_has_what_it_has),
        TEST(a_slow_client_of_a_rescue_wakes_who_waits_for_it),
        TEST(a_silent_provider_is_a_timeout),
        TEST(a_role_does_not_stop_the_first_content_clock),
        TEST(a_stall_after_content_is_told_in_band),
        TEST(the_whole_has_a_deadline),
        TEST(the_caller_may_wait_for_less),
        TEST(comments_are_sent_while_the_first_content_is_awaited),
        TEST(a_buffered_call_gets_no_comments),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
