/* test_client.c: requests, answers and their ends, on connections that stand. */

#include "http/client.h"

#include "support/alloc_fail.h"
#include "support/client_rig.h"

static bool has_head(const struct rig_call *c)
{
    return c->heads > 0;
}

static bool has_body(const struct rig_call *c)
{
    return c->body_len > 0;
}

static void test_a_request_goes_out_whole(void **state)
{
    struct rig *r = *state;
    const struct slice body = SLICE("{\"model\":\"x\"}");
    struct rig_call *c = rig_call(r, &body);

    rig_start(c);
    rig_await_request(r, 0, 60);
    assert_string_equal(r->peer.conns[0].bytes, "POST /v1/x HTTP/1.1\r\n"
                                                "host: peer\r\n"
                                                "content-length: 13\r\n\r\n"
                                                "{\"model\":\"x\"}");
    raw_peer_say(&r->peer, 0, "HTTP/1.1 200 OK\r\nX-Tag: t1\r\nContent-Length: 5\r\n\r\nhello");
    rig_await_end(c);
    assert_int_equal(c->rc, OK);
    assert_int_equal(c->sent, 1);
    assert_int_equal(c->heads, 1);
    assert_int_equal(c->status, 200);
    assert_int_equal(c->content_length, 5);
    assert_string_equal(c->tag, "t1");
    assert_string_equal(c->body, "hello");
    assert_int_equal(c->phase, CLIENT_BODY);
    assert_false(c->unframed);
    assert_false(c->reused);
    free(c);
}

static void test_a_get_has_no_length_and_an_empty_post_has(void **state)
{
    struct rig *r = *state;
    const struct slice nothing = SLICE("");
    struct rig_call *get = rig_get(r), *post;

    rig_await_request(r, 0, 1);
    assert_string_equal(r->peer.conns[0].bytes, "GET /v1/x HTTP/1.1\r\nhost: peer\r\n\r\n");
    post = rig_call(r, &nothing);
    rig_start(post);
    rig_await_request(r, 1, 1);
    assert_non_null(strstr(r->peer.conns[1].bytes, "\r\ncontent-length: 0\r\n\r\n"));
    client_cancel(&get->call);
    client_cancel(&post->call);
    free(get);
    free(post);
}

static void test_connections_are_used_again(void **state)
{
    struct rig *r = *state;

    for (unsigned i = 0; i < 3; i++)
        rig_exchange(r, 0);
    assert_int_equal(r->peer.len, 1);
    assert_int_equal(client_open(r->client), 1);
    assert_int_equal(client_idle(r->client), 1);
}

/* Nothing of what was gathered for the early one is left behind. */
static void test_an_answer_without_fields_behind_an_early_one(void **state)
{
    struct rig *r = *state;

    for (unsigned i = 0; i < 2; i++) {
        struct rig_call *c = rig_get(r);
        rig_await_request(r, 0, 1);
        raw_peer_forget(&r->peer, 0);
        raw_peer_say(&r->peer, 0,
                     "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                     "HTTP/1.1 204 No Content\r\n\r\n");
        rig_await_end(c);
        assert_int_equal(c->rc, OK);
        assert_int_equal(c->status, 204);
        free(c);
    }
    assert_int_equal(client_open(r->client), 1);
}

static void test_chunks_and_both_answers_of_one_read(void **state)
{
    struct rig *r = *state;
    struct rig_call *c = rig_get(r);

    rig_await_request(r, 0, 1);
    raw_peer_say(&r->peer, 0,
                 "HTTP/1.1 100 Continue\r\n\r\n"
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n");
    rig_await_end(c);
    assert_int_equal(c->rc, OK);
    assert_int_equal(c->heads, 1);
    assert_int_equal(c->bodies, 1);
    assert_string_equal(c->body, "abcdef");
    assert_int_equal(client_idle(r->client), 1);
    free(c);
}

static void test_the_head_may_be_dropped_early(void **state)
{
    struct rig *r = *state;
    static const enum rig_cancel events[] = {RIG_ON_HEAD, RIG_ON_BODY, RIG_ON_END};

    for (unsigned i = 0; i < ARRAY_LEN(events); i++) {
        struct rig_call *c = rig_call(r, NULL);
        c->when = events[i];
        c->act = RIG_DROP_HEAD;
        rig_start(c);
        rig_await_request(r, 0, 1);
        raw_peer_forget(&r->peer, 0);
        raw_peer_say(&r->peer, 0,
                     "HTTP/1.1 200 OK\r\nX-Tag: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "1\r\na\r\n0\r\nX-Trailer: late\r\n\r\n");
        rig_await_end(c);
        assert_int_equal(c->rc, OK);
        assert_true(c->request_sent);
        assert_string_equal(c->tag, "t");
        assert_string_equal(c->body, "a");
        free(c);
    }
    assert_int_equal(client_idle(r->client), 1);
}

static bool has_idle(void *arg)
{
    return client_idle(((struct rig *)arg)->client) > 0;
}

static void test_an_unframed_body_ends_with_the_connection(void **state)
{
    struct rig *r = *state;
    struct rig_call *c = rig_get(r);

    rig_await_request(r, 0, 1);
    raw_peer_say(&r->peer, 0, "HTTP/1.1 200 OK\r\n\r\nto the end");
    rig_await(c, has_body);
    raw_peer_hang_up(&r->peer, 0);
    rig_await_end(c);
    assert_int_equal(c->rc, OK);
    assert_true(c->unframed);
    assert_string_equal(c->body, "to the end");
    assert_int_equal(client_open(r->client), 0);
    free(c);
}

/* Every way to end an answer too early, by FIN and by RST. */
static void test_a_cut_answer_is_never_good(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    };
    struct rig *r = *state;

    for (size_t cut = 0; cut < 120; cut++) {
        struct slice text = slice_str(answers[cut % 2]);
        size_t at = MIN(cut, text.len - 1);
        struct rig_call *c = rig_get(r);
        rig_await_request(r, 0, 1);
        raw_peer_send(&r->peer, 0, text.at, at);
        if (cut % 3)
            raw_peer_hang_up(&r->peer, 0);
        else
            raw_peer_reset(&r->peer, 0);
        rig_await_end(c);
        assert_int_equal(c->rc, -ECONNRESET);
        assert_int_equal(c->ends, 1);
        assert_int_equal(c->phase, c->heads ? CLIENT_BODY : CLIENT_WAITING);
        free(c);
        raw_peer_stop(&r->peer);
        raw_peer_close(&r->peer);
        raw_peer_open(&r->peer);
        rig_origin(r, "http", "127.0.0.1", r->peer.port);
    }
    assert_int_equal(client_open(r->client), 0);
}

static void test_close_and_old_versions_are_not_kept(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
    };
    struct rig *r = *state;

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct rig_call *c = rig_get(r);
        rig_await_request(r, i, 1);
        raw_peer_say(&r->peer, i, answers[i]);
        rig_await_end(c);
        assert_int_equal(c->rc, OK);
        assert_string_equal(c->body, "ok");
        assert_int_equal(client_open(r->client), 0);
        free(c);
    }
}

static void test_garbage_on_an_idle_connection_closes_it(void **state)
{
    struct rig *r = *state;

    rig_exchange(r, 0);
    raw_peer_say(&r->peer, 0, "HTTP/1.1 408 Request Timeout\r\n\r\n");
    rig_await_close(r, 0);
    assert_int_equal(client_open(r->client), 0);
    assert_int_equal(client_idle(r->client), 0);
    rig_exchange(r, 1);
}

static bool no_client_conns(void *arg)
{
    return client_open(((struct rig *)arg)->client) == 0;
}

static void test_an_idle_connection_that_ends_is_noticed(void **state)
{
    struct rig *r = *state;

    rig_exchange(r, 0);
    raw_peer_hang_up(&r->peer, 0);
    pump_until(r->loop, no_client_conns, r);
    rig_exchange(r, 1);
}

/* The peer closes in the moment in which the connection is leased: sent again, unseen. */
static void test_a_stale_connection_is_replaced(void **state)
{
    struct rig *r = *state;
    const struct slice body = SLICE("twice");

    for (unsigned by_reset = 0; by_reset < 2; by_reset++) {
        size_t conn = r->peer.len;
        rig_exchange(r, conn);
        struct rig_call *c = rig_call(r, &body);
        if (by_reset)
            raw_peer_reset(&r->peer, conn);
        else
            raw_peer_hang_up(&r->peer, conn);
        rig_start(c); /* before the loop could see it */
        rig_await_request(r, conn + 1, 59);
        assert_non_null(strstr(r->peer.conns[conn + 1].bytes, "\r\n\r\ntwice"));
        raw_peer_say(&r->peer, conn + 1,
                     "HTTP/1.1 200 OK\r\nConnection: close\r\n"
                     "Content-Length: 2\r\n\r\nok");
        rig_await_end(c);
        assert_int_equal(c->rc, OK);
        assert_int_equal(c->heads, 1);
        assert_false(c->reused);
        free(c);
    }
}

/* The same after the request was sent: it is read, and the connection closed without an answer. */
static void test_a_reused_connection_closed_before_an_answer_is_replaced(void **state)
{
    struct rig *r = *state;

    rig_exchange(r, 0);
    struct rig_call *c = rig_get(r);
    rig_await_request(r, 0, 1);
    assert_true(c->call.reused);
    raw_peer_hang_up(&r->peer, 0);
    rig_await_request(r, 1, 1);
    assert_int_equal(c->ends, 0);
    raw_peer_hang_up(&r->peer, 1); /* once, not for ever */
    rig_await_end(c);
    assert_int_equal(c->rc, -ECONNRESET);
    assert_int_equal(c->sent, 2);
    assert_int_equal(r->peer.len, 2);
    free(c);
}

static void test_a_byte_of_an_answer_forbids_to_send_again(void **state)
{
    struct rig *r = *state;

    rig_exchange(r, 0);
    struct rig_call *c = rig_get(r);
    rig_await_request(r, 0, 1);
    raw_peer_say(&r->peer, 0, "H");
    raw_peer_hang_up(&r->peer, 0);
    rig_await_end(c);
    assert_int_equal(c->rc, -ECONNRESET);
    assert_true(c->reused);
    assert_int_equal(r->peer.len, 1);
    free(c);
}

static void test_bad_and_oversized_heads(void **state)
{
    struct rig *r = *state;
    char *large = calloc(1, 8192);
    struct rig_call *c = rig_get(r);

    rig_await_request(r, 0, 1);
    raw_peer_say(&r->peer, 0, "HELO what\r\n\r\n");
    rig_await_end(c);
    assert_int_equal(c->rc, -EPROTO);
    assert_int_equal(c->phase, CLIENT_WAITING);
    free(c);

    c = rig_get(r);
    rig_await_request(r, 1, 1);
    memset(large, 'x', 8191);
    raw_peer_say(&r->peer, 1, "HTTP/1.1 200 OK\r\nX: ");
    raw_peer_say(&r->peer, 1, large);
    rig_await_end(c);
    assert_int_equal(c->rc, -EMSGSIZE);
    assert_int_equal(c->heads, 0);
    assert_int_equal(client_open(r->client), 0);
    free(c);
    free(large);
}

static void test_unsafe_requests_are_refused(void **state)
{
    static const struct header bad_headers[] = {
        {SLICE_INIT("x"),   SLICE_INIT("a\r\nevil: 1")},
        {SLICE_INIT("x y"), SLICE_INIT("a")           },
        {SLICE_INIT("x:"),  SLICE_INIT("a")           },
        {SLICE_INIT(""),    SLICE_INIT("a")           },
    };
    static const struct slice bad_words[] = {SLICE_INIT(""), SLICE_INIT("/a b"),
                                             SLICE_INIT("/a\r\n"), SLICE_INIT("/\0")};
    struct rig *r = *state;
    struct rig_call *c = rig_call(r, NULL);

    for (size_t i = 0; i < ARRAY_LEN(bad_headers); i++) {
        c->request.headers = &bad_headers[i];
        assert_int_equal(client_start(r->client, &c->call, &c->request), -EINVAL);
    }
    c->request.headers = rig_headers;
    for (size_t i = 0; i < ARRAY_LEN(bad_words); i++) {
        c->request.target = bad_words[i];
        assert_int_equal(client_start(r->client, &c->call, &c->request), -EINVAL);
    }
    c->request.target = SLICE("/");
    r->origin.tls = true; /* without a context */
    assert_int_equal(client_start(r->client, &c->call, &c->request), -EINVAL);
    client_cancel(&c->call);
    free(c);
}

/* A body larger than the socket takes at once, from many spans. */
static void test_a_large_request_arrives_whole(void **state)
{
    enum { SPANS = 150, SPAN = 5000 };
    struct rig *r = *state;
    static struct slice spans[SPANS];
    char *bytes = malloc(SPANS * SPAN);
    struct rig_call *c = rig_call(r, NULL);

    for (size_t i = 0; i < SPANS * SPAN; i++)
        bytes[i] = (char)(i * 2654435761u >> 11);
    for (size_t i = 0; i < SPANS; i++)
        spans[i] = slice_of(bytes + i * SPAN, SPAN);
    c->request.method = SLICE("POST");
    c->request.body = spans;
    c->request.body_len = SPANS;
    r->peer.deaf = true;
    rig_start(c);
    rig_await_conns(r, 1);
    pump_turns(r->loop, 300);
    r->peer.deaf = false;
    rig_await_request(r, 0, SPANS * SPAN + 59);
    size_t head = (size_t)(strstr(r->peer.conns[0].bytes, "\r\n\r\n") - r->peer.conns[0].bytes) + 4;
    assert_int_equal(r->peer.conns[0].len, head + SPANS * SPAN);
    assert_memory_equal(r->peer.conns[0].bytes + head, bytes, SPANS * SPAN);
    raw_peer_say(&r->peer, 0, "HTTP/1.1 204 No Content\r\n\r\n");
    rig_await_end(c);
    assert_int_equal(c->rc, OK);
    assert_int_equal(client_idle(r->client), 1);
    free(c);
    free(bytes);
}

/* A refusal while the body is still going out: it counts, the connection does not. */
static void test_an_early_answer_counts(void **state)
{
    struct rig *r = *state;
    char *bytes = calloc(1, 8 << 20);
    const struct slice body = slice_of(bytes, 8 << 20);

    for (unsigned by_reset = 0; by_reset < 2; by_reset++) {
        struct rig_call *c = rig_call(r, &body);
        r->peer.deaf = true;
        rig_start(c);
        rig_await_conns(r, by_reset + 1);
        raw_peer_say(&r->peer, by_reset, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
        if (by_reset)
            raw_peer_hang_up(&r->peer, by_reset); /* unread bytes: the kernel sends a reset */
        rig_await_end(c);
        assert_int_equal(c->rc, OK);
        assert_int_equal(c->status, 413);
        assert_string_equal(c->body, "no");
        assert_int_equal(c->sent, 0);
        assert_false(c->request_sent);
        assert_int_equal(client_open(r->client), 0);
        free(c);
    }
    free(bytes);
}

static void test_a_paused_call_is_told_nothing(void **state)
{
    struct rig *r = *state;
    struct rig_call *c = rig_get(r);

    rig_await_request(r, 0, 1);
    raw_peer_say(&r->peer, 0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    rig_await(c, has_body);
    client_pause(&c->call);
    raw_peer_say(&r->peer, 0, "1\r\nb\r\n0\r\n\r\n");
    raw_peer_hang_up(&r->peer, 0);
    pump_turns(r->loop, 100);
    assert_string_equal(c->body, "a");
    client_resume(&c->call);
    rig_await_end(c);
    assert_int_equal(c->rc, OK);
    assert_string_equal(c->body, "ab");
    free(c);
}

/* Paused within an event: what fits into one read still comes, no more. */
static void test_memory_of_a_paused_call_is_bounded(void **state)
{
    struct rig *r = *state;
    struct rig_call *c = rig_call(r, NULL);
    char *block = calloc(1, 200000);

    c->when = RIG_ON_BODY;
    c->act = RIG_PAUSE;
    rig_start(c);
    rig_await_request(r, 0, 1);
    raw_peer_say(&r->peer, 0, "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n");
    raw_peer_send(&r->peer, 0, block, 200000);
    rig_await(c, has_body);
    pump_turns(r->loop, 100);
    assert_true(c->body_len <= 64 * 1024);
    c->when = RIG_NEVER;
    client_resume(&c->call);
    rig_await_end(c);
    assert_int_equal(c->body_len, 200000);
    free(c);
    free(block);
}

static void test_a_body_goes_straight_to_its_place(void **state)
{
    enum { LEN = 200000 };
    struct rig *r = *state;
    struct rig_call *c = rig_call(r, NULL);
    char *block = malloc(LEN);

    for (size_t i = 0; i < LEN; i++)
        block[i] = (char)(i * 40503u >> 7);
    c->into = calloc(1, LEN);
    c->into_len = LEN;
    rig_start(c);
    rig_await_request(r, 0, 1);
    raw_peer_say(&r->peer, 0, "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n");
    raw_peer_send(&r->peer, 0, block, LEN);
    rig_await_end(c);
    assert_int_equal(c->rc, OK);
    assert_true(c->in_place);
    assert_memory_equal(c->into, block, LEN);
    assert_int_equal(client_idle(r->client), 1);
    free(c->into);
    free(c);
    free(block);
}

static void test_a_call_may_start_another_as_it_ends(void **state)
{
    struct rig *r = *state;
    struct rig_call *first = rig_call(r, NULL), *second = rig_call(r, NULL);

    first->then = second;
    rig_start(first);
    rig_await_request(r, 0, 1);
    raw_peer_forget(&r->peer, 0);
    raw_peer_say(&r->peer, 0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    rig_await_request(r, 0, 1);
    raw_peer_say(&r->peer, 0, "HTTP/1.1 204 No Content\r\n\r\n");
    rig_await_end(second);
    assert_int_equal(second->rc, OK);
    assert_true(second->reused);
    assert_int_equal(r->peer.len, 1);
    free(first);
    free(second);
}

static void test_head_answers_have_no_body(void **state)
{
    struct rig *r = *state;
    struct rig_call *c = rig_call(r, NULL);

    c->request.method = SLICE("HEAD");
    rig_start(c);
    rig_await_request(r, 0, 1);
    raw_peer_say(&r->peer, 0, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    rig_await_end(c);
    assert_int_equal(c->rc, OK);
    assert_int_equal(c->body_len, 0);
    assert_int_equal(client_idle(r->client), 1);
    free(c);
}

static void test_leaving_lets_the_connection_serve_again(void **state)
{
    struct rig *r = *state;
    struct rig_call *c = rig_get(r);

    rig_await_request(r, 0, 1);
    raw_peer_forget(&r->peer, 0);
    raw_peer_say(&r->peer, 0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndone\r\n");
    rig_await(c, has_body);
    client_leave(&c->call);
    client_leave(&c->call);
    client_cancel(&c->call);
    assert_int_equal(client_idle(r->client), 0);
    raw_peer_say(&r->peer, 0, "1\r\n\n\r\n0\r\n\r\n");
    free(c);
    pump_until(r->loop, has_idle, r);
    rig_exchange(r, 0);
    assert_int_equal(r->peer.len, 1);
}

static void test_leaving_within_the_last_event(void **state)
{
    struct rig *r = *state;
    struct rig_call *c = rig_call(r, NULL);

    c->when = RIG_ON_BODY;
    c->act = RIG_LEAVE;
    rig_start(c);
    rig_await_request(r, 0, 1);
    raw_peer_forget(&r->peer, 0);
    raw_peer_say(&r->peer, 0,
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "4\r\ndone\r\n0\r\n\r\n");
    rig_await(c, has_body);
    assert_int_equal(client_idle(r->client), 1);
    pump_turns(r->loop, 20);
    assert_int_equal(c->ends, 0);
    free(c);
    rig_exchange(r, 0);
}

static void test_leaving_a_talkative_or_unframed_answer_closes(void **state)
{
    static const char *const heads[] = {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n10000\r\n",
        "HTTP/1.1 200 OK\r\n\r\nunframed",
    };
    struct rig *r = *state;
    char *block = calloc(1, 65536);

    for (size_t i = 0; i < 2; i++) {
        struct rig_call *c = rig_get(r);
        rig_await_request(r, i, 1);
        raw_peer_say(&r->peer, i, heads[i]);
        rig_await(c, has_body);
        client_leave(&c->call);
        free(c);
        raw_peer_send(&r->peer, i, block, 65536);
        rig_await_close(r, i);
        assert_int_equal(client_open(r->client), 0);
    }
    free(block);
}

static void test_leaving_a_silent_answer_closes_in_time(void **state)
{
    struct rig *r = *state;
    struct rig_call *c = rig_get(r);

    rig_await_request(r, 0, 1);
    raw_peer_say(&r->peer, 0, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell");
    rig_await(c, has_body);
    client_leave(&c->call);
    free(c);
    rig_await_close(r, 0);
}

static void test_leaving_before_the_head_is_a_cancel(void **state)
{
    struct rig *r = *state;
    struct rig_call *c = rig_get(r);

    rig_await_request(r, 0, 1);
    client_leave(&c->call);
    free(c);
    assert_int_equal(client_open(r->client), 0);
    rig_await_close(r, 0);
}

/* In whatever event, cancelling (and freeing the client) is the last that is heard. */
static void test_giving_up_within_each_event(void **state)
{
    struct rig *r = *state;

    for (unsigned act = RIG_CANCEL; act <= RIG_FREE_CLIENT; act++) {
        for (unsigned when = RIG_ON_SENT; when <= RIG_ON_END; when++) {
            struct rig_call *c = rig_call(r, NULL);
            size_t conn = r->peer.len;
            c->when = (enum rig_cancel)when;
            c->act = (enum rig_act)act;
            rig_start(c);
            rig_await_request(r, conn, 1);
            raw_peer_say(&r->peer, conn,
                         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                         "Connection: close\r\n\r\n1\r\na\r\n0\r\n\r\n");
            rig_await_close(r, conn);
            pump_turns(r->loop, 20);
            assert_int_equal(c->sent, 1);
            assert_int_equal(c->heads, when >= RIG_ON_HEAD);
            assert_int_equal(c->bodies, when >= RIG_ON_BODY);
            assert_int_equal(c->ends,
                             act == RIG_LEAVE && when == RIG_ON_SENT ? 0 : when >= RIG_ON_END);
            if (r->client)
                assert_int_equal(client_open(r->client), 0);
            else
                r->client =
                    client_new(r->loop, &(struct client_options){.limits = rig_options().limits});
            free(c);
            raw_peer_close(&r->peer);
            raw_peer_open(&r->peer);
            rig_origin(r, "http", "127.0.0.1", r->peer.port);
        }
    }
}

static void test_cancelling_while_the_answer_comes(void **state)
{
    struct rig *r = *state;
    struct rig_call *c = rig_get(r);

    rig_await_request(r, 0, 1);
    raw_peer_say(&r->peer, 0, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
    rig_await(c, has_head);
    client_cancel(&c->call);
    client_cancel(&c->call);
    free(c);
    assert_int_equal(client_open(r->client), 0);
    rig_await_close(r, 0);
}

static void test_freeing_the_client_ends_all_quietly(void **state)
{
    struct rig *r = *state;
    struct rig_call *calls[12];

    rig_exchange(r, 0);
    rig_limit(r, (struct client_limits){.connect_ms = 9999,
                                        .idle_ms = 9999,
                                        .idle_per_origin = 4,
                                        .per_origin = 10,
                                        .waiting = 9,
                                        .header_bytes = 4096});
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        calls[i] = rig_get(r);
    pump_turns(r->loop, 3);
    client_free(r->client);
    r->client = NULL;
    pump_turns(r->loop, 20);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        assert_int_equal(calls[i]->ends, 0);
        client_cancel(&calls[i]->call);
        free(calls[i]);
    }
}

/* Whatever allocation fails: the call ends once, or was refused; nothing leaks. */
static void test_without_memory(void **state)
{
    struct rig *r = *state;
    unsigned failures = 0;

    for (unsigned n = 1; n < 40; n++) {
        struct rig_call *c = rig_call(r, NULL);
        size_t conn = r->peer.len;
        alloc_fail_at(n);
        int rc = client_start(r->client, &c->call, &c->request);
        if (rc == AGAIN) {
            while (c->ends == 0 && c->sent == 0)
                pump_turns(r->loop, 1);
            raw_peer_poll(&r->peer);
        }
        bool hit = alloc_fail_hit();
        if (rc == AGAIN && c->sent) {
            rig_await_request(r, conn, 1);
            raw_peer_say(&r->peer, conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            rig_await_end(c);
        }
        rc = rc == AGAIN ? c->rc : rc;
        assert_true(rc == OK || rc == -ENOMEM);
        failures += hit;
        assert_int_equal(client_open(r->client), 0);
        free(c);
        raw_peer_close(&r->peer);
        raw_peer_open(&r->peer);
        rig_origin(r, "http", "127.0.0.1", r->peer.port);
        if (!hit)
            break;
    }
    assert_true(failures >= 3);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_request_goes_out_whole),
        TEST(test_a_get_has_no_length_and_an_empty_post_has),
        TEST(test_connections_are_used_again),
        TEST(test_an_answer_without_fields_behind_an_early_one),
        TEST(test_chunks_and_both_answers_of_one_read),
        TEST(test_an_unframed_body_ends_with_the_connection),
        TEST(test_a_cut_answer_is_never_good),
        TEST(test_close_and_old_versions_are_not_kept),
        TEST(test_garbage_on_an_idle_connection_closes_it),
        TEST(test_an_idle_connection_that_ends_is_noticed),
        TEST(test_a_stale_connection_is_replaced),
        TEST(test_a_reused_connection_closed_before_an_answer_is_replaced),
        TEST(test_a_byte_of_an_answer_forbids_to_send_again),
        TEST(test_bad_and_oversized_heads),
        TEST(test_unsafe_requests_are_refused),
        TEST(test_a_large_request_arrives_whole),
        TEST(test_the_head_may_be_dropped_early),
        TEST(test_an_early_answer_counts),
        TEST(test_a_paused_call_is_told_nothing),
        TEST(test_memory_of_a_paused_call_is_bounded),
        TEST(test_a_body_goes_straight_to_its_place),
        TEST(test_a_call_may_start_another_as_it_ends),
        TEST(test_head_answers_have_no_body),
        TEST(test_leaving_lets_the_connection_serve_again),
        TEST(test_leaving_within_the_last_event),
        TEST(test_leaving_a_talkative_or_unframed_answer_closes),
        TEST(test_leaving_a_silent_answer_closes_in_time),
        TEST(test_leaving_before_the_head_is_a_cancel),
        TEST(test_giving_up_within_each_event),
        TEST(test_cancelling_while_the_answer_comes),
        TEST(test_freeing_the_client_ends_all_quietly),
        TEST(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
