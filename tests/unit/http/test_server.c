/* test_server.c: requests over real sockets: whole, cut, pipelined, refused, too many. */

#include "support/alloc_fail.h"
#include "support/server_rig.h"

static const struct slice hello = SLICE_INIT("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");

static void answers_and_keeps_the_connection(void **state)
{
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    peer_connect(&r, &p);
    for (size_t i = 1; i <= 3; i++) {
        peer_send(&p, hello);
        wait_done(&r, i);
        assert_int_equal(peer_count(&p, SLICE("HTTP/1.1 200 OK\r\n")), i);
    }
    assert_true(peer_got(&p, SLICE("\r\nx-test: yes\r\n")));
    assert_true(peer_got(&p, SLICE("\r\ncontent-length: 5\r\n\r\nhello")));
    assert_true(peer_got(&p, SLICE("\r\ndate: ")));
    assert_false(peer_got(&p, SLICE("connection:")));
    assert_int_equal(server_connections(r.server), 1);
    assert_int_equal(server_requests(r.server), 0);
    peer_close(&r, &p);
    run_until(&r, until_no_connections);
    rig_close(&r);
}

static void tells_what_was_asked(void **state)
{
    struct slice text = SLICE("PATCH http://h/hold/x?a=b HTTP/1.1\r\nHost: a\r\n"
                              "Content-Length: 3\r\n\r\nabc");
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    peer_connect(&r, &p);
    peer_send(&p, text);
    wait_request(&r, 1);
    struct server_request *q = r.last;
    assert_int_equal(q->method, HTTP_PATCH);
    assert_true(slice_eq(q->method_text, SLICE("PATCH")));
    assert_true(slice_eq(q->target, SLICE("http://h/hold/x?a=b")));
    assert_true(slice_eq(q->path, SLICE("/hold/x")));
    assert_true(slice_eq(q->query, SLICE("a=b")));
    assert_true(slice_eq(headers_get(&q->headers, SLICE("host")), SLICE("a")));
    assert_true(slice_eq(q->body, SLICE("abc")));
    assert_true(slice_starts(q->peer, SLICE("127.0.0.1:")));
    assert_int_equal(q->bytes_in, text.len);
    assert_true(q->started_us > 0);
    assert_int_equal(server_requests(r.server), 1);
    answer(q, 200, SLICE("done"), SPANS_NOW);
    wait_done(&r, 1);
    assert_int_equal(r.delivered, 1);
    peer_close(&r, &p);
    rig_close(&r);
}

static void request_cut_at_every_byte(void **state)
{
    static const struct slice texts[] = {
        SLICE_INIT("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
        SLICE_INIT("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
    };
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    peer_connect(&r, &p);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (size_t cut = 1; cut < texts[i].len; cut++) {
            size_t before = r.done;
            buf_reset(&p.in);
            peer_send(&p, slice_sub(texts[i], 0, cut));
            wait_request(&r, 0); /* a turn */
            peer_send(&p, slice_sub(texts[i], cut, texts[i].len));
            wait_done(&r, before + 1);
            assert_true(peer_got(&p, SLICE("\r\n\r\nhello")));
        }
    }
    peer_close(&r, &p);
    rig_close(&r);
}

/* `n` times the text. */
static struct slice repeated(struct slice text, size_t n)
{
    char *at = malloc(text.len * n);

    assert_non_null(at);
    for (size_t i = 0; i < n; i++)
        memcpy(at + i * text.len, text.at, text.len);
    return slice_of(at, text.len * n);
}

static void ten_thousand_pipelined_requests(void **state)
{
    struct slice all = repeated(hello, 10000);
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    peer_connect(&r, &p);
    peer_send(&p, all);
    wait_done(&r, 10000);
    wait_request(&r, 0);
    assert_int_equal(peer_count(&p, SLICE("\r\n\r\nhello")), 10000);
    peer_close(&r, &p);
    rig_close(&r);
    free((char *)(uintptr_t)all.at);
}

static void pipelined_requests_wait_in_order(void **state)
{
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    peer_connect(&r, &p);
    peer_send(&p, SLICE("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
                        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nla"));
    wait_request(&r, 1);
    peer_send(&p, SLICE("st"));
    wait_request(&r, 1);
    assert_int_equal(p.in.len, 0);
    answer(r.last, 200, SLICE("first"), SPANS_NOW);
    wait_done(&r, 3);
    wait_request(&r, 3);
    assert_int_equal(peer_count(&p, SLICE("200 OK")), 3);
    assert_true(slice_find(buf_slice(&p.in), SLICE("first")) <
                slice_find(buf_slice(&p.in), SLICE("hello")));
    assert_true(peer_got(&p, SLICE("last")));
    peer_close(&r, &p);
    rig_close(&r);
}

static void pipelined_flood_behind_a_held_request_is_not_read(void **state)
{
    struct slice flood = repeated(hello, 500000);
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    peer_connect(&r, &p);
    peer_send(&p, SLICE("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
    wait_request(&r, 1);
    peer_send(&p, flood);
    wait_request(&r, 1);
    assert_true(p.out.len > 0); /* the sockets are full, and the server took one piece */
    peer_reset(&r, &p);         /* seen although nothing is read */
    wait_gone(&r, 1);
    rig_close(&r);
    free((char *)(uintptr_t)flood.at);
}

struct refusal {
    struct slice text;
    int status;
};

#define POST "POST /echo HTTP/1.1\r\nHost: a\r\n"

static void refused_and_closed(void **state)
{
    static const struct refusal cases[] = {
        {SLICE_INIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),                  400},
        {SLICE_INIT("GET / HTTP/1.1\r\n\r\n"),                                        400},
        {SLICE_INIT("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),                  400},
        {SLICE_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),                              505},
        {SLICE_INIT(POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"),          400},
        {SLICE_INIT(POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx"), 400},
        {SLICE_INIT(POST "Transfer-Encoding: br\r\n\r\nx"),                           501},
        {SLICE_INIT(POST "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"),                400},
        {SLICE_INIT(POST "Content-Length: 10737418240\r\n\r\nabc"),                   413},
        {SLICE_INIT(POST "Expect: tea\r\nContent-Length: 3\r\n\r\nabc"),              417},
    };
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        peer_connect(&r, &p);
        peer_send(&p, cases[i].text);
        run_until(&r, until_closed);
        assert_false(p.reset);
        assert_int_equal(r.last_status, cases[i].status);
        assert_int_equal(r.done, i + 1);
        assert_true(peer_got(&p, SLICE("\r\nconnection: close\r\n")));
        peer_close(&r, &p);
    }
    run_until(&r, until_no_connections);
    rig_close(&r);
}

/* The client goes on sending after the refusal, and still sees the answer. */
static void refused_while_sending(void **state)
{
    static const struct refusal cases[] = {
        {SLICE_INIT("GET /"),                                              414},
        {SLICE_INIT("GET / HTTP/1.1\r\nHost: a\r\nX: "),                   431},
        {SLICE_INIT(POST "Transfer-Encoding: chunked\r\n\r\n2100000\r\n"), 413},
        {SLICE_INIT(POST "Content-Length: 34603008\r\n\r\n"),              413},
    };
    struct slice filler = repeated(SLICE("xxxxxxxx"), 33 << 17);
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        peer_connect(&r, &p);
        p.reads = 0; /* a client that sends all before it reads */
        peer_send(&p, cases[i].text);
        assert_int_equal(p.out.len, 0);
        peer_send(&p, filler);
        wait_done(&r, i + 1);
        while (p.out.len > 0)
            wait_request(&r, 0);
        p.reads = SIZE_MAX;
        run_until(&r, until_closed);
        assert_false(p.reset);
        assert_int_equal(r.last_status, cases[i].status);
        assert_true(peer_got(&p, SLICE("connection: close")));
        peer_close(&r, &p);
    }
    rig_close(&r);
    free((char *)(uintptr_t)filler.at);
}

static void large_bodies_arrive_whole(void **state)
{
    struct slice body = repeated(SLICE("0123456789abcdef"), 32 << 16);
    struct buf text;
    struct rig r;
    struct peer p;
    (void)state;

    buf_init(&text, 64u << 20);
    rig_open(&r);
    peer_connect(&r, &p);
    for (size_t chunked = 0; chunked < 2; chunked++) {
        buf_reset(&text);
        if (chunked)
            buf_printf(&text, POST "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", body.len);
        else
            buf_printf(&text, POST "Content-Length: %zu\r\n\r\n", body.len);
        buf_add(&text, body);
        if (chunked)
            buf_add(&text, SLICE("\r\n0\r\n\r\n"));
        assert_int_equal(text.rc, OK);
        buf_reset(&p.in);
        peer_send(&p, buf_slice(&text));
        wait_done(&r, chunked + 1);
        r.expected = body.len;
        run_until(&r, until_received);
        assert_memory_equal(p.in.at + p.in.len - body.len, body.at, body.len);
    }
    assert_int_equal(r.delivered, 2);
    peer_close(&r, &p);
    rig_close(&r);
    buf_free(&text);
    free((char *)(uintptr_t)body.at);
}

static void continue_is_said_before_the_body(void **state)
{
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    peer_connect(&r, &p);
    peer_send(&p, SLICE(POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    r.expected = strlen("HTTP/1.1 100 Continue\r\n\r\n");
    run_until(&r, until_received);
    assert_true(slice_eq(buf_slice(&p.in), SLICE("HTTP/1.1 100 Continue\r\n\r\n")));
    peer_send(&p, SLICE("hi"));
    wait_done(&r, 1);
    assert_true(peer_got(&p, SLICE("\r\n\r\nhi")));
    buf_reset(&p.in); /* not when the body is there already */
    peer_send(&p, SLICE(POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nho"));
    wait_done(&r, 2);
    assert_true(peer_starts(&p, SLICE("HTTP/1.1 200 ")));
    peer_close(&r, &p);
    rig_close(&r);
}

static void connections_beyond_the_limit_are_closed(void **state)
{
    struct server_limits limits = rig_limits;
    struct rig r;
    struct peer many, a, b;
    (void)state;

    limits.connections = 2;
    rig_open_with(&r, limits);
    peer_connect(&r, &many); /* peers[0] is the one that is looked at */
    peer_connect(&r, &a);
    r.expected = 2;
    run_until(&r, until_connections);
    peer_connect(&r, &b);
    r.peers[0] = &b;
    run_until(&r, until_closed);
    assert_int_equal(server_connections(r.server), 2);
    r.peers_len = 0;
    peer_close(&r, &many);
    peer_close(&r, &a);
    peer_close(&r, &b);
    run_until(&r, until_no_connections);
    rig_close(&r);
}

static void half_open_clients_cost_little(void **state)
{
    static struct peer clients[400]; /* and as many ends of the server: below 1,024 descriptors */
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        r.peers_len = 0; /* they only send */
        peer_connect(&r, &clients[i]);
        peer_send(&clients[i], slice_sub(hello, 0, i % hello.len));
        wait_request(&r, 0);
    }
    r.peers_len = 0;
    r.expected = ARRAY_LEN(clients);
    run_until(&r, until_connections);
    peer_connect(&r, &p);
    peer_send(&p, hello);
    wait_done(&r, 1);
    peer_close(&r, &p);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        peer_close(&r, &clients[i]);
    run_until(&r, until_no_connections);
    assert_int_equal(r.requests, 1);
    rig_close(&r);
}

/* Whatever allocation fails, each request ends exactly once and nothing leaks or hangs. */
static void every_allocation_may_fail(void **state)
{
    static const struct slice texts[] = {
        SLICE_INIT("POST /brief HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
        SLICE_INIT("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "5\r\nhello\r\n0\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
        SLICE_INIT("GET / HTTP/1.1\r\n\r\n"),
    };
    static const char room[4096]; /* the client itself needs no memory later */
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        bool hit = true;
        for (unsigned n = 1; hit; n++) {
            peer_connect(&r, &p);
            assert_int_equal(buf_add(&p.in, slice_of(room, sizeof(room))), OK);
            buf_reset(&p.in);
            peer_send(&p, texts[i]);
            shutdown(p.fd, SHUT_WR);
            alloc_fail_at(n);
            run_until(&r, until_closed);
            hit = alloc_fail_hit();
            peer_close(&r, &p);
            run_until(&r, until_no_connections);
            assert_int_equal(r.requests + r.rejects, r.done);
        }
    }
    rig_close(&r);
}

/* A listener for both families names IPv4 clients as such. */
static void names_peers_of_both_families(void **state)
{
    static const char *const hosts[] = {"127.0.0.1:", "[::1]:"};
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct server_options options = {.listen = SLICE(":0"), .limits = rig_limits};
    struct rig r;
    struct peer v4, v6 = {.reads = SIZE_MAX};
    (void)state;

    rig_open(&r);
    server_close(r.server);
    options.events = &rig_events;
    options.owner = &r;
    assert_int_equal(server_open(r.loop, &options, &r.server), OK);
    peer_connect(&r, &v4);
    to.sin6_port = htons(server_port(r.server));
    v6.fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has_v6 = connect(v6.fd, (struct sockaddr *)&to, sizeof(to)) == 0;
    for (size_t i = 0; i < (has_v6 ? 2 : 1); i++) {
        send(i ? v6.fd : v4.fd, "GET /hold HTTP/1.0\r\n\r\n", 22, MSG_NOSIGNAL);
        wait_request(&r, i + 1);
        assert_true(slice_starts(r.last->peer, slice_str(hosts[i])));
    }
    peer_close(&r, &v4);
    close(v6.fd);
    run_until(&r, until_no_connections);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_and_keeps_the_connection),
        cmocka_unit_test(tells_what_was_asked),
        cmocka_unit_test(names_peers_of_both_families),
        cmocka_unit_test(request_cut_at_every_byte),
        cmocka_unit_test(ten_thousand_pipelined_requests),
        cmocka_unit_test(pipelined_requests_wait_in_order),
        cmocka_unit_test(pipelined_flood_behind_a_held_request_is_not_read),
        cmocka_unit_test(refused_and_closed),
        cmocka_unit_test(refused_while_sending),
        cmocka_unit_test(large_bodies_arrive_whole),
        cmocka_unit_test(continue_is_said_before_the_body),
        cmocka_unit_test(connections_beyond_the_limit_are_closed),
        cmocka_unit_test(half_open_clients_cost_little),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
