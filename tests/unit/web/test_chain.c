/* The way through the gates and its end, with a server that the test plays. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/alloc_fail.h"
#include "support/fake_server.h"
#include "web/chain.h"
#include "web/exchange.h"
#include "web/problem.h"
#include "web/reply.h"

/* --- gates that note what happens --- */

static char notes[512];
static struct exchange *seen; /* the newest exchange; valid until its end */
static struct outcome ended;  /* the outcome in on_end */

static void note(const char *text)
{
    size_t len = strlen(notes);

    snprintf(notes + len, sizeof(notes) - len, "%s", text);
}

static enum mw verdicts[3];

static enum mw outer_request(struct exchange *x)
{
    seen = x;
    note("a");
    return verdicts[0];
}

static void outer_settle(struct exchange *x)
{
    assert_false(fake.ended); /* before the last bytes are handed out */
    assert_true(x->settled);
    note("A");
}

static void outer_end(struct exchange *x)
{
    ended = x->outcome;
    note(".");
}

static enum mw inner_request(struct exchange *x)
{
    int *own = exchange_slot(x, x->chain->middlewares[1]);

    assert_int_equal(*own, 0);
    *own = 7;
    note("b");
    if (verdicts[1] == MW_DONE)
        return problem_answer(x, FAULT_ADMIN_ONLY);
    return verdicts[1];
}

static void inner_settle(struct exchange *x)
{
    assert_int_equal(*(int *)exchange_slot(x, x->chain->middlewares[1]), 7);
    note("B");
}

static void inner_end(struct exchange *x)
{
    assert_int_equal(*(int *)exchange_slot(x, x->chain->middlewares[1]), 7);
    note(",");
}

static enum mw last_request(struct exchange *x)
{
    (void)x;
    note("c");
    return verdicts[2];
}

static void last_settle(struct exchange *x)
{
    (void)x;
    note("C");
}

static const struct middleware outer = {
    .name = "outer",
    .malformed = true,
    .on_request = outer_request,
    .on_settle = outer_settle,
    .on_end = outer_end,
};
static const struct middleware inner = {
    .name = "inner",
    .slot_bytes = sizeof(int),
    .on_request = inner_request,
    .on_settle = inner_settle,
    .on_end = inner_end,
};
static const struct middleware innermost = {
    .name = "innermost",
    .on_request = last_request,
    .on_settle = last_settle,
};
static const struct middleware *const gates[] = {&outer, &inner, &innermost, NULL};

/* --- handlers --- */

static void hello_handle(struct exchange *x)
{
    note("h");
    reply_send(x, 200, SLICE("text/plain"), SLICE("hello"));
}

static struct slice tail;
static void tail_handle(struct exchange *x)
{
    tail = exchange_path_tail(x);
    note("t");
    reply_send(x, 200, SLICE("text/plain"), SLICE(""));
}

static unsigned cancelled, proceeded;

static void work_cancel(struct exchange *x)
{
    (void)x;
    note("x");
    cancelled++;
}

static void work_proceed(struct exchange *x)
{
    (void)x;
    proceeded++;
}

static void work_handle(struct exchange *x)
{
    note("w");
    x->work = (struct exchange_work){work_proceed, work_cancel, NULL};
}

static const struct route hello = {HTTP_GET, SLICE_INIT("/hello"), .handle = hello_handle};
static const struct route hello_put = {HTTP_PUT, SLICE_INIT("/hello"), .handle = hello_handle};
static const struct route thing = {HTTP_GET, SLICE_INIT("/things/{id}"), .handle = tail_handle};
static const struct route work = {HTTP_POST, SLICE_INIT("/work"), .handle = work_handle};
static const struct route *const routes[] = {&hello, &hello_put, &thing, &work, NULL};

static struct chain chain = {.middlewares = gates, .routes = routes};

static void begin(enum http_method method, const char *name, const char *path)
{
    memset(notes, 0, sizeof(notes));
    memset(verdicts, 0, sizeof(verdicts));
    cancelled = proceeded = 0;
    fake_request(method, name, path);
}

static void serve(void)
{
    fake_serve(&chain_server_events, &chain);
}

/* --- tests --- */

static void passes_in_order_and_ends_in_reverse(void **state)
{
    (void)state;
    begin(HTTP_GET, "GET", "/hello");
    serve();
    assert_string_equal(notes, "abchCBA");
    assert_true(fake.ended);
    assert_int_equal(fake.status, 200);
    assert_string_equal(fake.body, "hello");
    assert_int_equal(fake.length, 5);
    fake_done(true);
    assert_string_equal(notes, "abchCBA,.");
    assert_int_equal(ended.status, OUTCOME_OK);
    assert_int_equal(ended.http_status, 200);
}

static void a_gate_that_answers_stops_the_way(void **state)
{
    (void)state;
    begin(HTTP_GET, "GET", "/hello");
    verdicts[1] = MW_DONE;
    serve();
    assert_int_equal(fake.status, 403);
    fake_done(true);
    assert_string_equal(notes, "abBA,."); /* only the gates that were entered */
    assert_int_equal(ended.status, OUTCOME_CLIENT_ERROR);
    assert_int_equal(ended.fault, FAULT_ADMIN_ONLY);
}

static void a_gate_waits_and_resumes(void **state)
{
    (void)state;
    begin(HTTP_GET, "GET", "/hello");
    verdicts[1] = MW_WAIT;
    serve();
    assert_string_equal(notes, "ab");
    exchange_resume(seen, MW_NEXT);
    assert_string_equal(notes, "abchCBA");
    fake_done(true);

    begin(HTTP_GET, "GET", "/hello");
    verdicts[1] = MW_WAIT;
    serve();
    exchange_resume(seen, problem_answer(seen, FAULT_INTERNAL));
    assert_string_equal(notes, "abBA");
    assert_int_equal(fake.status, 500);
    fake_done(true);
}

static void the_client_leaves_while_a_gate_waits(void **state)
{
    (void)state;
    begin(HTTP_GET, "GET", "/hello");
    verdicts[1] = MW_WAIT;
    serve();
    fake_gone();
    assert_string_equal(notes, "abBA,.");
    assert_int_equal(ended.status, OUTCOME_CLIENT_CLOSED);
    assert_int_equal(ended.http_status, 499);
    assert_int_equal(ended.fault, FAULT_CLIENT_CLOSED);
    assert_false(fake.started);
}

static void the_client_leaves_before_the_first_byte(void **state)
{
    (void)state;
    begin(HTTP_POST, "POST", "/work");
    serve();
    assert_string_equal(notes, "abcw");
    fake_gone();
    assert_string_equal(notes, "abcwxCBA,."); /* cancelled first: it tells what was counted */
    assert_int_equal(cancelled, 1);
    assert_int_equal(ended.status, OUTCOME_CLIENT_CLOSED);
    assert_int_equal(ended.http_status, 499);
}

static void the_client_leaves_within_a_stream(void **state)
{
    const struct sink_head head = {.status = 200, .stream = true};
    struct slice piece = SLICE("data: 1\n\n");

    (void)state;
    begin(HTTP_POST, "POST", "/work");
    serve();
    struct sink *sink = reply_sink(seen);
    assert_int_equal(sink->events->on_head(sink, &head), OK);
    assert_int_equal(sink->events->on_bytes(sink, &piece, 1, false), OK);
    chain_server_events.on_gone(&chain, &fake.r);
    assert_int_equal(cancelled, 1);
    /* whatever still comes is not taken */
    assert_int_equal(sink->events->on_bytes(sink, &piece, 1, true), -EPIPE);
    sink->events->on_fault(sink, &(struct fault){.kind = FAULT_UPSTREAM_RESET});
    fake_done(false);
    assert_string_equal(notes, "abcwxCBA,.");
    assert_int_equal(ended.status, OUTCOME_CLIENT_CLOSED);
    assert_int_equal(ended.http_status, 200); /* it had the head */
    assert_false(fake.ended);
}

static void the_client_leaves_while_the_last_bytes_are_on_their_way(void **state)
{
    (void)state;
    begin(HTTP_GET, "GET", "/hello");
    serve();
    assert_int_equal(seen->outcome.status, OUTCOME_OK);
    fake_done(false);
    assert_string_equal(notes, "abchCBA,."); /* settled once */
    assert_int_equal(ended.status, OUTCOME_CLIENT_CLOSED);

    begin(HTTP_GET, "GET", "/nowhere"); /* an error stays what it was */
    serve();
    fake_done(false);
    assert_int_equal(ended.status, OUTCOME_CLIENT_ERROR);
    assert_int_equal(ended.fault, FAULT_UNKNOWN_URL);
}

static void the_server_closes_on_a_running_request(void **state)
{
    (void)state;
    begin(HTTP_POST, "POST", "/work");
    serve();
    fake_done(false); /* without on_gone */
    assert_string_equal(notes, "abcwxCBA,.");
    assert_int_equal(ended.status, OUTCOME_CLIENT_CLOSED);
}

static void room_again_goes_to_the_work(void **state)
{
    (void)state;
    begin(HTTP_POST, "POST", "/work");
    serve();
    fake_drained();
    assert_int_equal(proceeded, 1);
    fake_gone();

    begin(HTTP_GET, "GET", "/hello");
    serve();
    fake_drained(); /* nothing works */
    fake_done(true);
    assert_int_equal(proceeded, 0);
}

static void an_unknown_path_is_told_behind_the_gates(void **state)
{
    (void)state;
    begin(HTTP_GET, "GET", "/nowhere");
    serve();
    assert_int_equal(fake.status, 404);
    assert_string_equal(fake.body,
                        "{\"error\":{\"message\":\"Invalid URL (GET /nowhere).\",\"type\":"
                        "\"invalid_request_error\",\"param\":null,\"code\":"
                        "\"unknown_url\"}}");
    fake_done(true);
    assert_string_equal(notes, "abcCBA,.");

    begin(HTTP_GET, "GET", "/nowhere");
    verdicts[1] = MW_DONE; /* who may not enter learns nothing of it */
    serve();
    assert_int_equal(fake.status, 403);
    fake_done(true);
}

static void another_method_is_told_which_there_are(void **state)
{
    (void)state;
    begin(HTTP_DELETE, "DELETE", "/hello");
    serve();
    assert_int_equal(fake.status, 405);
    assert_string_equal(fake_answer_field("allow"), "GET, HEAD, PUT");
    assert_non_null(strstr(fake.body, "\"method_not_allowed\""));
    fake_done(true);
    assert_int_equal(ended.fault, FAULT_METHOD_NOT_ALLOWED);
}

static void paths_are_matched_whole(void **state)
{
    static const char *const unknown[] = {"/hello/", "/hell",   "/helloo", "/things/",
                                          "/things", "",        "/HELLO",  "/",
                                          "*",       "/work/1", "//hello", "/hello%20"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        begin(HTTP_GET, "GET", unknown[i]);
        serve();
        assert_int_equal(fake.status, 404);
        fake_done(true);
    }
}

static void a_tail_is_taken_and_decoded(void **state)
{
    static const struct {
        const char *path, *tail;
    } cases[] = {
        {"/things/a",         "a"           },
        {"/things/a/b",       "a/b"         },
        {"/things/Org%2Fm",   "Org/m"       },
        {"/things/%e4%BD%a0", "\xe4\xbd\xa0"},
        {"/things/a%20b",     "a b"         },
        {"/things/%",         NULL          },
        {"/things/a%2",       NULL          },
        {"/things/%zz",       NULL          },
        {"/things/a%2541",    "a%41"        },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin(HTTP_GET, "GET", cases[i].path);
        serve();
        if (cases[i].tail)
            assert_true(slice_eq(tail, slice_str(cases[i].tail)));
        else
            assert_null(tail.at);
        assert_int_equal(fake.status, 200);
        fake_done(true);
    }
}

static void head_is_answered_like_get(void **state)
{
    (void)state;
    begin(HTTP_HEAD, "HEAD", "/hello");
    serve();
    assert_int_equal(fake.status, 200);
    fake_done(true);
}

static void bytes_that_are_no_request_pass_only_some_gates(void **state)
{
    static const struct {
        int status;
        enum fault_kind fault;
    } cases[] = {
        {400, FAULT_BAD_REQUEST     },
        {408, FAULT_REQUEST_TIMEOUT },
        {413, FAULT_BODY_TOO_LARGE  },
        {414, FAULT_HEADER_TOO_LARGE},
        {417, FAULT_BAD_REQUEST     },
        {431, FAULT_HEADER_TOO_LARGE},
        {501, FAULT_NOT_IMPLEMENTED },
        {505, FAULT_NOT_IMPLEMENTED },
        {503, FAULT_INTERNAL        },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin(HTTP_OTHER, NULL, NULL); /* nothing of the head is known */
        fake_reject(&chain_server_events, &chain, cases[i].status, "because \"so\"");
        assert_int_equal(fake.status, cases[i].status);
        assert_true(fake.ended);
        assert_non_null(strstr(fake.body, "because \\\"so\\\""));
        assert_non_null(strstr(fake.body, fault_traits(cases[i].fault)->code));
        fake_done(true);
        assert_string_equal(notes, "aA.");
        assert_int_equal(ended.fault, cases[i].fault);
        assert_int_equal(ended.http_status, cases[i].status);
    }
}

static void memory_may_end_anywhere(void **state)
{
    static const char *const paths[] = {"/hello", "/nowhere", "/things/%41"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        for (unsigned n = 1;; n++) {
            begin(i == 1 ? HTTP_GET : HTTP_HEAD, "GET", paths[i]);
            alloc_fail_at(n);
            serve();
            bool hit = alloc_fail_hit();
            alloc_fail_at(0);
            assert_true(fake.ended || fake.aborted);
            fake_done(true);
            if (!hit)
                break;
        }
    }
}

static void without_memory_and_without_a_head_it_breaks_off(void **state)
{
    (void)state;
    begin(HTTP_GET, "GET", "/hello");
    fake.head_rc = -ENOMEM;
    alloc_fail_at(1);
    serve();
    alloc_fail_at(0);
    assert_true(fake.aborted);
    fake_done(false);
    assert_string_equal(notes, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_in_order_and_ends_in_reverse),
        cmocka_unit_test(a_gate_that_answers_stops_the_way),
        cmocka_unit_test(a_gate_waits_and_resumes),
        cmocka_unit_test(the_client_leaves_while_a_gate_waits),
        cmocka_unit_test(the_client_leaves_before_the_first_byte),
        cmocka_unit_test(the_client_leaves_within_a_stream),
        cmocka_unit_test(the_client_leaves_while_the_last_bytes_are_on_their_way),
        cmocka_unit_test(the_server_closes_on_a_running_request),
        cmocka_unit_test(room_again_goes_to_the_work),
        cmocka_unit_test(an_unknown_path_is_told_behind_the_gates),
        cmocka_unit_test(another_method_is_told_which_there_are),
        cmocka_unit_test(paths_are_matched_whole),
        cmocka_unit_test(a_tail_is_taken_and_decoded),
        cmocka_unit_test(head_is_answered_like_get),
        cmocka_unit_test(bytes_that_are_no_request_pass_only_some_gates),
        cmocka_unit_test(memory_may_end_anywhere),
        cmocka_unit_test(without_memory_and_without_a_head_it_breaks_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
