/* test_server_leave.c: clients that leave, stay silent or read nothing, and a server that ends. */

#include "support/server_rig.h"

#define POST "POST /hold HTTP/1.1\r\nHost: a\r\n"

static void leaving_before_the_request_is_whole_is_silent(void **state)
{
    static const struct slice texts[] = {
        SLICE_INIT(""),
        SLICE_INIT("PO"),
        SLICE_INIT(POST "Content-Length: 5\r\n\r\n"),
        SLICE_INIT(POST "Content-Length: 5\r\n\r\nhel"),
        SLICE_INIT(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhe"),
    };
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    for (size_t i = 0; i < 2 * ARRAY_LEN(texts); i++) {
        peer_connect(&r, &p);
        peer_send(&p, texts[i / 2]);
        r.expected = 1;
        run_until(&r, until_connections);
        if (i % 2)
            peer_reset(&r, &p);
        else
            peer_close(&r, &p);
        run_until(&r, until_no_connections);
    }
    assert_int_equal(r.requests + r.rejects + r.gone + r.done, 0);
    rig_close(&r);
}

static struct server_request *held(struct rig *r, struct peer *p)
{
    size_t before = r->requests;

    peer_connect(r, p);
    peer_send(p, SLICE("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
    wait_request(r, before + 1);
    return r->last;
}

static void leaving_while_answered_cancels_once(void **state)
{
    struct slice s = SLICE("abc");
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    for (size_t i = 0; i < 4; i++) {
        struct server_request *q = held(&r, &p);
        if (i % 2) { /* in the middle of a stream */
            assert_int_equal(server_reply_head(q, 200, NULL, 0, SERVER_CHUNKED), OK);
            assert_int_equal(server_reply_write(q, &s, 1, SPANS_NOW), OK);
            wait_request(&r, 0);
        }
        if (i < 2)
            peer_close(&r, &p);
        else
            peer_reset(&r, &p);
        wait_gone(&r, i + 1);
        assert_int_equal(r.gone, i + 1);
        assert_int_equal(r.done, i + 1);
    }
    assert_int_equal(r.delivered, 0);
    run_until(&r, until_no_connections);
    rig_close(&r);
}

static void leaving_is_seen_behind_pipelined_bytes(void **state)
{
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    held(&r, &p);
    peer_send(&p, SLICE("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
    wait_request(&r, 1);
    shutdown(p.fd, SHUT_WR);
    wait_gone(&r, 1);
    assert_int_equal(r.requests, 1); /* the pipelined one is cancelled, too */
    run_until(&r, until_closed);
    peer_close(&r, &p);
    rig_close(&r);
}

static bool until_epipe(struct rig *r)
{
    struct slice s = SLICE("abc");

    return !r->last || server_reply_write(r->last, &s, 1, SPANS_NOW) == -EPIPE;
}

static void leaving_is_seen_while_writing(void **state)
{
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    struct server_request *q = held(&r, &p);
    assert_int_equal(server_reply_head(q, 200, NULL, 0, SERVER_CHUNKED), OK);
    peer_reset(&r, &p);
    run_until(&r, until_epipe);
    wait_gone(&r, 1);
    assert_int_equal(r.done, 1);
    rig_close(&r);
}

/* ---- clocks ---- */

static void silence_is_answered_or_closed(void **state)
{
    static const struct {
        struct slice text;
        int status; /* 0: closed without a word */
    } cases[] = {
        {SLICE_INIT(""),                                               0  },
        {SLICE_INIT("GET / HT"),                                       408},
        {SLICE_INIT(POST "Content-Length: 5\r\n\r\nhel"),              408},
        {SLICE_INIT(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhe"), 408},
        {SLICE_INIT("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"),         0  },
    };
    struct server_limits limits = rig_limits;
    struct rig r;
    struct peer p;
    (void)state;

    limits.head_ms = limits.body_ms = limits.idle_ms = 20;
    rig_open_with(&r, limits);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t rejects = r.rejects;
        peer_connect(&r, &p);
        peer_send(&p, cases[i].text);
        run_until(&r, until_closed);
        assert_true(p.ended);
        assert_int_equal(r.rejects, rejects + (cases[i].status != 0));
        if (cases[i].status)
            assert_int_equal(r.last_status, cases[i].status);
        peer_close(&r, &p);
    }
    run_until(&r, until_no_connections);
    rig_close(&r);
}

static uint64_t drip_pace_ms;

static bool until_drip_is_whole(struct rig *r)
{
    static uint64_t last_ms;
    uint64_t now = clock_now_ms();

    if (now >= last_ms + drip_pace_ms && r->peers[0]->in.len == 0) {
        last_ms = now;
        send(r->peers[0]->fd, "x", 1, MSG_NOSIGNAL);
    }
    return r->peers[0]->in.len > 0;
}

/* The body's clock is one of silence; a held request has none. The pace leaves room for a thread
 * that is held up, and all together takes longer than the clock. */
static void slow_but_not_silent_is_served(void **state)
{
    struct server_limits limits = rig_limits;
    struct rig r;
    struct peer p;
    (void)state;

    limits.head_ms = limits.body_ms = limits.idle_ms = 1000;
    drip_pace_ms = 250;
    rig_open_with(&r, limits);
    peer_connect(&r, &p);
    peer_send(&p, SLICE("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n"));
    run_until(&r, until_drip_is_whole);
    assert_true(peer_got(&p, SLICE("xxxxxx")));
    assert_int_equal(r.rejects, 0);
    peer_close(&r, &p);
    rig_close(&r);
}

static void drip_of_a_head_is_cut_off(void **state)
{
    struct server_limits limits = rig_limits;
    struct rig r;
    struct peer p;
    (void)state;

    limits.head_ms = 100;
    drip_pace_ms = 20;
    rig_open_with(&r, limits);
    peer_connect(&r, &p);
    peer_send(&p, SLICE("GET /"));
    run_until(&r, until_drip_is_whole);
    assert_int_equal(r.last_status, 408);
    peer_close(&r, &p);
    rig_close(&r);
}

static void client_that_reads_nothing_is_gone(void **state)
{
    static char bytes[1 << 20];
    struct server_limits limits = rig_limits;
    struct slice s = {bytes, sizeof(bytes)};
    struct rig r;
    struct peer p;
    (void)state;

    limits.write_ms = 20;
    rig_open_with(&r, limits);
    for (size_t ended = 0; ended < 2; ended++) {
        struct server_request *q = held(&r, &p);
        p.reads = 0;
        assert_int_equal(server_reply_head(q, 200, NULL, 0, SERVER_CHUNKED), OK);
        while (server_reply_write(q, &s, 1, SPANS_REQUEST) == OK)
            ;
        if (ended)
            assert_int_equal(server_reply_end(q, NULL, 0, SPANS_NOW), OK);
        wait_done(&r, ended + 1);
        assert_int_equal(r.gone, 1); /* after the end there is only on_done */
        peer_close(&r, &p);
    }
    assert_int_equal(r.delivered, 0);
    rig_close(&r);
}

/* ---- the server's end ---- */

static void drain_lets_requests_finish(void **state)
{
    struct slice s = SLICE("abc");
    struct rig r;
    struct peer streaming, waiting, idle, reading;
    (void)state;

    rig_open(&r);
    struct server_request *q = held(&r, &streaming);
    assert_int_equal(server_reply_head(q, 200, NULL, 0, SERVER_CHUNKED), OK);
    assert_int_equal(server_reply_write(q, &s, 1, SPANS_NOW), OK);
    struct server_request *w = held(&r, &waiting);
    peer_connect(&r, &idle);
    peer_connect(&r, &reading);
    peer_send(&reading, SLICE("GET /hello HTTP/1.1\r\nHo"));
    r.expected = 4;
    run_until(&r, until_connections);
    wait_request(&r, 0);

    server_drain(r.server);
    server_drain(r.server);
    r.expected = 3;
    run_until(&r, until_connections);
    assert_int_equal(server_requests(r.server), 3);
    peer_send(&reading, SLICE("st: a\r\n\r\n"));
    wait_done(&r, 1);
    answer(w, 200, s, SPANS_NOW);
    assert_int_equal(server_reply_end(q, &s, 1, SPANS_NOW), OK);
    run_until(&r, until_no_connections);
    assert_int_equal(r.delivered, 3);
    wait_request(&r, 0);
    assert_true(idle.ended && streaming.ended && waiting.ended && reading.ended);
    assert_true(peer_got(&waiting, SLICE("connection: close")));
    assert_true(peer_got(&reading, SLICE("connection: close")));
    assert_true(peer_got(&streaming, SLICE("\r\n0\r\n\r\n")));
    peer_close(&r, &streaming);
    peer_close(&r, &waiting);
    peer_close(&r, &idle);
    peer_close(&r, &reading);
    rig_close(&r);
}

static void close_ends_everything(void **state)
{
    struct slice s = SLICE("abc");
    struct rig r;
    struct peer streaming, waiting, idle, ending;
    (void)state;

    rig_open(&r);
    struct server_request *q = held(&r, &streaming);
    assert_int_equal(server_reply_head(q, 200, NULL, 0, SERVER_CHUNKED), OK);
    assert_int_equal(server_reply_write(q, &s, 1, SPANS_NOW), OK);
    held(&r, &waiting);
    peer_connect(&r, &idle);
    q = held(&r, &ending);
    answer(q, 200, s, SPANS_NOW); /* its on_done is due at the end of the turn */
    server_close(r.server);
    r.server = NULL;
    assert_int_equal(r.gone, 2);
    assert_int_equal(r.done, 3);
    assert_int_equal(r.delivered, 1);
    peer_close(&r, &streaming);
    peer_close(&r, &waiting);
    peer_close(&r, &idle);
    peer_close(&r, &ending);
    rig_close(&r);
}

static void address_in_use_is_told(void **state)
{
    struct rig r;
    char text[32];
    struct server *second = NULL;
    (void)state;

    rig_open(&r);
    snprintf(text, sizeof(text), "127.0.0.1:%u", server_port(r.server));
    struct server_options options = {
        .listen = slice_str(text), .limits = rig_limits, .events = &rig_events};
    assert_int_equal(server_open(r.loop, &options, &second), -EADDRINUSE);
    options.listen = SLICE("nonsense");
    assert_int_equal(server_open(r.loop, &options, &second), -EINVAL);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaving_before_the_request_is_whole_is_silent),
        cmocka_unit_test(leaving_while_answered_cancels_once),
        cmocka_unit_test(leaving_is_seen_behind_pipelined_bytes),
        cmocka_unit_test(leaving_is_seen_while_writing),
        cmocka_unit_test(silence_is_answered_or_closed),
        cmocka_unit_test(slow_but_not_silent_is_served),
        cmocka_unit_test(drip_of_a_head_is_cut_off),
        cmocka_unit_test(client_that_reads_nothing_is_gone),
        cmocka_unit_test(drain_lets_requests_finish),
        cmocka_unit_test(close_ends_everything),
        cmocka_unit_test(address_in_use_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
