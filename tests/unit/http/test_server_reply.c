/* test_server_reply.c: framing of answers, and a client that takes them slowly. */

#include "support/alloc_fail.h"
#include "support/server_rig.h"

#define GET(path)     SLICE("GET " path " HTTP/1.1\r\nHost: a\r\n\r\n")
#define GET_1_0(path) SLICE("GET " path " HTTP/1.0\r\n\r\n")

static struct server_request *held(struct rig *r, struct peer *p, struct slice request)
{
    size_t before = r->requests;

    buf_reset(&p->in);
    peer_send(p, request);
    wait_request(r, before + 1);
    assert_non_null(r->last);
    return r->last;
}

static struct slice body_of(const struct peer *p)
{
    struct slice all = buf_slice(&p->in), gap = SLICE("\r\n\r\n");
    size_t at = slice_find(all, gap);

    assert_true(at < all.len);
    return slice_sub(all, at + gap.len, all.len);
}

static void turn(struct rig *r)
{
    wait_request(r, 0);
}

static void chunks_are_framed(void **state)
{
    static const struct slice spans[] = {SLICE_INIT("hello "), SLICE_INIT(""), SLICE_INIT("world")};
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    peer_connect(&r, &p);
    struct server_request *q = held(&r, &p, GET("/hold"));
    assert_int_equal(server_reply_head(q, 200, NULL, 0, SERVER_CHUNKED), OK);
    turn(&r);
    assert_int_equal(p.in.len, 0); /* the head waits for the first bytes */
    assert_int_equal(server_reply_write(q, spans, 3, SPANS_NOW), OK);
    turn(&r);
    assert_true(peer_got(&p, SLICE("\r\ntransfer-encoding: chunked\r\n")));
    assert_true(slice_eq(body_of(&p), SLICE("b\r\nhello world\r\n")));
    assert_int_equal(server_reply_write(q, spans + 1, 1, SPANS_NOW), OK);
    assert_int_equal(server_reply_end(q, spans + 2, 1, SPANS_REQUEST), OK);
    assert_int_equal(r.done, 0); /* never within the call */
    assert_int_equal(server_reply_write(q, spans, 1, SPANS_NOW), -EPIPE);
    assert_int_equal(server_reply_end(q, spans, 1, SPANS_NOW), -EPIPE);
    server_reply_abort(q); /* harmless after the end */
    wait_done(&r, 1);
    turn(&r);
    assert_true(slice_eq(body_of(&p), SLICE("b\r\nhello world\r\n5\r\nworld\r\n0\r\n\r\n")));
    assert_int_equal(r.delivered, 1);
    peer_close(&r, &p);
    rig_close(&r);
}

static void head_can_be_sent_alone(void **state)
{
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    peer_connect(&r, &p);
    struct server_request *q = held(&r, &p, GET("/hold"));
    assert_int_equal(server_reply_head(q, 200, NULL, 0, SERVER_CHUNKED), OK);
    assert_int_equal(server_reply_write(q, NULL, 0, SPANS_NOW), OK);
    turn(&r);
    assert_int_equal(body_of(&p).len, 0);
    assert_int_equal(server_reply_end(q, NULL, 0, SPANS_NOW), OK);
    wait_done(&r, 1);
    turn(&r);
    assert_true(slice_eq(body_of(&p), SLICE("0\r\n\r\n")));
    peer_close(&r, &p);
    rig_close(&r);
}

static void chunk_sizes_in_hex(void **state)
{
    static char bytes[70000];
    static const struct {
        size_t n;
        const char *line;
    } sizes[] = {
        {1,     "1\r\n"    },
        {15,    "f\r\n"    },
        {16,    "10\r\n"   },
        {4096,  "1000\r\n" },
        {70000, "11170\r\n"}
    };
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    peer_connect(&r, &p);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct server_request *q = held(&r, &p, GET("/hold"));
        struct slice s = {bytes, sizes[i].n};
        assert_int_equal(server_reply_head(q, 200, NULL, 0, SERVER_CHUNKED), OK);
        assert_int_equal(server_reply_end(q, &s, 1, SPANS_NOW), OK);
        wait_done(&r, i + 1);
        r.expected = sizes[i].n;
        run_until(&r, until_received);
        assert_true(slice_starts(body_of(&p), slice_str(sizes[i].line)));
    }
    peer_close(&r, &p);
    rig_close(&r);
}

/* What the answer to each kind of request looks like, behind its date. */
static void framing_depends_on_request_and_status(void **state)
{
    static const struct {
        const char *request;
        int status;
        int64_t length;
        const char *head, *body;
        bool closes;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n",                      200, 2,  "\r\ncontent-length: 2\r\n\r\n",                      "hi",                   false},
        {"HEAD / HTTP/1.1\r\nHost: a\r\n",                     200, 2,  "\r\ncontent-length: 2\r\n\r\n",                      "",                     false},
        {"HEAD / HTTP/1.1\r\nHost: a\r\n",                     200, -1, "\r\ntransfer-encoding: chunked\r\n\r\n",             "",
         false                                                                                                                                             },
        {"GET / HTTP/1.1\r\nHost: a\r\n",                      204, 0,  "GMT\r\n\r\n",                                        "",                     false},
        {"GET / HTTP/1.1\r\nHost: a\r\n",                      304, 2,  "GMT\r\n\r\n",                                        "",                     false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", 200, 2,
         "\r\ncontent-length: 2\r\nconnection: close\r\n\r\n",                                                                "hi",                   true },
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", 200, -1,
         "\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",                                                       "2\r\nhi\r\n0\r\n\r\n",
         true                                                                                                                                              },
        {"GET / HTTP/1.0\r\n",                                 200, 2,  "\r\ncontent-length: 2\r\nconnection: close\r\n\r\n", "hi",
         true                                                                                                                                              },
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n",       200, 2,
         "\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\n",                                                           "hi",                   false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n",       200, -1,
         "GMT\r\nconnection: close\r\n\r\n",                                                                                  "hi",                   true },
    };
    struct slice hi = SLICE("hi");
    struct rig r;
    struct peer p;
    char text[128];
    (void)state;

    rig_open(&r);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        peer_connect(&r, &p);
        snprintf(text, sizeof(text), "%s\r\n", cases[i].request);
        struct server_request *q = held(&r, &p, slice_str(text));
        assert_int_equal(server_reply_head(q, cases[i].status, NULL, 0, cases[i].length), OK);
        assert_int_equal(server_reply_end(q, &hi, cases[i].length != 0, SPANS_NOW), OK);
        wait_done(&r, i + 1);
        if (cases[i].closes)
            run_until(&r, until_closed);
        turn(&r);
        assert_int_equal(p.ended, cases[i].closes);
        if (!peer_got(&p, slice_str(cases[i].head)))
            fail_msg("%zu: %.*s", i, SLICE_FMT(buf_slice(&p.in)));
        assert_true(slice_eq(body_of(&p), slice_str(cases[i].body)));
        peer_close(&r, &p);
    }
    rig_close(&r);
}

static void unsafe_fields_are_refused(void **state)
{
    static const struct header bad[] = {
        {SLICE_INIT("a"),     SLICE_INIT("b\r\nc: d")},
        {SLICE_INIT("a\r\n"), SLICE_INIT("b")        },
        {SLICE_INIT("a"),     SLICE_INIT("b\0")      },
    };
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    peer_connect(&r, &p);
    struct server_request *q = held(&r, &p, GET("/hold"));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(server_reply_head(q, 200, &bad[i], 1, 0), -EINVAL);
    assert_int_equal(server_reply_write(q, NULL, 0, SPANS_NOW), -EINVAL); /* no head yet */
    assert_int_equal(server_reply_head(q, 200, NULL, 0, 0), OK);
    assert_int_equal(server_reply_head(q, 200, NULL, 0, 0), -EINVAL);
    assert_int_equal(server_reply_end(q, NULL, 0, SPANS_NOW), OK);
    wait_done(&r, 1);
    peer_close(&r, &p);
    rig_close(&r);
}

static void announced_length_is_kept(void **state)
{
    struct slice abc = SLICE("abc");
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    for (size_t more = 0; more < 2; more++) {
        peer_connect(&r, &p);
        struct server_request *q = held(&r, &p, GET("/hold"));
        assert_int_equal(server_reply_head(q, 200, NULL, 0, 5), OK);
        assert_int_equal(server_reply_write(q, &abc, 1, SPANS_NOW), OK);
        if (more)
            assert_int_equal(server_reply_write(q, &abc, 1, SPANS_NOW), -EINVAL);
        else
            assert_int_equal(server_reply_end(q, NULL, 0, SPANS_NOW), -EINVAL);
        wait_done(&r, more + 1);
        run_until(&r, until_closed);
        assert_true(slice_eq(body_of(&p), abc));
        peer_close(&r, &p);
    }
    assert_int_equal(r.delivered, 0);
    rig_close(&r);
}

static void abort_is_seen_as_a_cut(void **state)
{
    struct slice abc = SLICE("abc");
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    for (size_t old = 0; old < 2; old++) {
        peer_connect(&r, &p);
        struct server_request *q = held(&r, &p, old ? GET_1_0("/hold") : GET("/hold"));
        assert_int_equal(server_reply_head(q, 200, NULL, 0, SERVER_CHUNKED), OK);
        assert_int_equal(server_reply_write(q, &abc, 1, SPANS_NOW), OK);
        turn(&r);
        server_reply_abort(q);
        assert_int_equal(r.done, old);
        wait_done(&r, old + 1);
        run_until(&r, until_closed);
        assert_int_equal(p.reset, old); /* only a reset tells HTTP/1.0 */
        assert_false(peer_got(&p, SLICE("0\r\n\r\n")));
        peer_close(&r, &p);
    }
    peer_connect(&r, &p); /* within on_request, before a head */
    peer_send(&p, GET("/abort"));
    run_until(&r, until_closed);
    assert_int_equal(p.in.len, 0);
    peer_close(&r, &p);
    assert_int_equal(r.delivered, 0);
    assert_int_equal(r.gone, 0);
    rig_close(&r);
}

/* ---- slow clients ---- */

static char pattern(size_t i)
{
    return (char)('a' + i * 7 % 26);
}

static bool is_pattern(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] != pattern(i))
            return false;
    return true;
}

/* Writes pieces of the pattern until AGAIN; returns how many bytes. */
static size_t write_until_again(struct server_request *q, enum span_life life, char *borrowed)
{
    enum { PIECE = 10000 };
    size_t done = 0;
    int rc = OK;

    while (rc == OK) {
        char *at = life == SPANS_NOW ? malloc(PIECE) : borrowed + done;
        assert_non_null(at);
        for (size_t i = 0; i < PIECE; i++)
            at[i] = pattern(done + i);
        struct slice halves[2] = {
            {at,             PIECE / 2},
            {at + PIECE / 2, PIECE / 2}
        };
        rc = server_reply_write(q, halves, 2, life);
        done += PIECE;
        if (life == SPANS_NOW)
            free(at);
    }
    assert_int_equal(rc, AGAIN);
    return done;
}

enum { BODY = 40 << 20 };

static void slow_client(enum span_life life)
{
    char *borrowed = life == SPANS_NOW ? NULL : malloc(BODY);
    struct slice rest = {NULL, 0};
    struct rig r;
    struct peer p;

    rig_open(&r);
    peer_connect_with(&r, &p, 4096);
    struct server_request *q = held(&r, &p, GET_1_0("/hold"));
    p.reads = 0;
    assert_int_equal(server_reply_head(q, 200, NULL, 0, SERVER_CHUNKED), OK);
    size_t sent = write_until_again(q, life, borrowed);
    turn(&r);
    assert_int_equal(r.drained, 0);
    p.reads = SIZE_MAX;
    r.expected = 1;
    run_until(&r, until_drained);
    p.reads = 0;
    /* the end is taken although something waits, and delivered later */
    rest = SLICE("the end");
    write_until_again(q, SPANS_NOW, NULL);
    assert_int_equal(server_reply_end(q, &rest, 1, SPANS_NOW), OK);
    turn(&r);
    assert_int_equal(r.done, 0);
    p.reads = SIZE_MAX;
    wait_done(&r, 1);
    run_until(&r, until_closed);
    assert_int_equal(r.delivered, 1);
    assert_true(peer_got(&p, rest));
    assert_true(is_pattern(slice_sub(body_of(&p), 0, sent)));
    peer_close(&r, &p);
    rig_close(&r);
    free(borrowed);
}

static void slow_client_of_copied_bytes(void **state)
{
    (void)state;
    slow_client(SPANS_NOW);
}

static void slow_client_of_borrowed_bytes(void **state)
{
    (void)state;
    slow_client(SPANS_REQUEST);
}

/* The chunk framing survives partial writes. */
static void slow_client_of_chunks(void **state)
{
    struct rig r;
    struct peer p;
    size_t n = 0;
    (void)state;

    rig_open(&r);
    peer_connect_with(&r, &p, 4096);
    struct server_request *q = held(&r, &p, GET("/hold"));
    p.reads = 0;
    assert_int_equal(server_reply_head(q, 200, NULL, 0, SERVER_CHUNKED), OK);
    struct slice word = SLICE("abcdefg");
    while (server_reply_write(q, &word, 1, n % 2 ? SPANS_NOW : SPANS_REQUEST) == OK)
        n++;
    n++;
    assert_int_equal(server_reply_end(q, &word, 1, SPANS_REQUEST), OK);
    p.reads = SIZE_MAX;
    wait_done(&r, 1);
    turn(&r);
    struct slice rest = body_of(&p), chunk = SLICE("7\r\nabcdefg\r\n");
    for (size_t i = 0; i < n + 1; i++) {
        assert_true(slice_starts(rest, chunk));
        rest = slice_sub(rest, chunk.len, rest.len);
    }
    assert_true(slice_eq(rest, SLICE("0\r\n\r\n")));
    peer_close(&r, &p);
    rig_close(&r);
}

static void writer_that_ignores_again_is_cut_off(void **state)
{
    static char bytes[65536];
    struct slice s = {bytes, sizeof(bytes)};
    struct rig r;
    struct peer p;
    size_t written = 0;
    int rc;
    (void)state;

    rig_open(&r);
    peer_connect_with(&r, &p, 4096);
    struct server_request *q = held(&r, &p, GET("/hold"));
    p.reads = 0;
    assert_int_equal(server_reply_head(q, 200, NULL, 0, SERVER_CHUNKED), OK);
    while ((rc = server_reply_write(q, &s, 1, SPANS_NOW)) >= 0)
        written += s.len;
    assert_int_equal(rc, -ENOMEM);
    assert_true(written < 32u << 20);
    assert_int_equal(server_reply_end(q, &s, 1, SPANS_NOW), -EPIPE);
    wait_done(&r, 1);
    assert_int_equal(r.delivered + r.gone, 0);
    peer_close(&r, &p);
    rig_close(&r);
}

static void a_stream_may_forget_its_request(void **state)
{
    struct slice post = SLICE("POST /hold?q HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    struct slice piece = SLICE("piece"), last = SLICE("last");
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    peer_connect(&r, &p);
    for (size_t i = 1; i <= 2; i++) { /* the connection goes on */
        struct server_request *q = held(&r, &p, post);
        assert_int_equal(q->headers.len, 2);
        assert_int_equal(server_reply_head(q, 200, NULL, 0, SERVER_CHUNKED), OK);
        assert_int_equal(server_reply_write(q, &piece, 1, SPANS_NOW), OK);
        server_request_forget(q);
        assert_int_equal(q->headers.len, 0);
        assert_int_equal(q->body.len, 0);
        assert_int_equal(q->body_bytes, 4);
        assert_true(slice_eq(q->method_text, SLICE("POST")));
        assert_true(slice_eq(q->path, SLICE("/hold")));
        server_request_forget(q); /* harmless */
        assert_int_equal(server_reply_end(q, &last, 1, SPANS_NOW), OK);
        wait_done(&r, i);
        turn(&r);
        assert_true(slice_eq(body_of(&p), SLICE("5\r\npiece\r\n4\r\nlast\r\n0\r\n\r\n")));
    }
    peer_close(&r, &p);
    rig_close(&r);
}

static void a_forgotten_head_still_reaches_a_slow_client(void **state)
{
    enum { LONG = 16 << 20 };
    char *text = malloc(LONG);
    struct slice end = SLICE("end");
    struct rig r;
    struct peer p;
    (void)state;

    memset(text, 'x', LONG);
    const struct header field = {
        SLICE("x-long"), {text, LONG}
    };
    rig_open(&r);
    peer_connect_with(&r, &p, 4096);
    struct server_request *q = held(&r, &p, GET("/hold"));
    p.reads = 0;
    assert_int_equal(server_reply_head(q, 200, &field, 1, SERVER_CHUNKED), OK);
    assert_true(server_reply_write(q, NULL, 0, SPANS_NOW) >= 0);
    server_request_forget(q);
    assert_int_equal(server_reply_end(q, &end, 1, SPANS_NOW), OK);
    p.reads = SIZE_MAX;
    wait_done(&r, 1);
    r.expected = LONG;
    run_until(&r, until_received);
    turn(&r);
    assert_true(slice_find(buf_slice(&p.in), slice_of(text, LONG)) < p.in.len);
    assert_true(slice_eq(body_of(&p), SLICE("3\r\nend\r\n0\r\n\r\n")));
    peer_close(&r, &p);
    rig_close(&r);
    free(text);
}

static void pipelined_request_waits_for_a_slow_client(void **state)
{
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    peer_connect_with(&r, &p, 4096);
    p.reads = 0;
    peer_send(&p,
              SLICE("GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
    wait_request(&r, 1);
    struct server_request *q = r.last;
    assert_int_equal(server_reply_head(q, 200, NULL, 0, SERVER_CHUNKED), OK);
    write_until_again(q, SPANS_NOW, NULL);
    assert_int_equal(server_reply_end(q, NULL, 0, SPANS_NOW), OK);
    turn(&r);
    assert_int_equal(r.requests, 1);
    p.reads = SIZE_MAX;
    wait_done(&r, 2);
    turn(&r);
    assert_true(peer_got(&p, SLICE("\r\n\r\nhello")));
    peer_close(&r, &p);
    rig_close(&r);
}

static void memory_may_run_out_while_it_waits(void **state)
{
    struct rig r;
    struct peer p;
    (void)state;

    rig_open(&r);
    for (unsigned n = 1; n < 4; n++) {
        peer_connect_with(&r, &p, 4096);
        struct server_request *q = held(&r, &p, GET("/hold"));
        struct slice s = SLICE("x");
        p.reads = 0;
        assert_int_equal(server_reply_head(q, 200, NULL, 0, SERVER_CHUNKED), OK);
        assert_true(write_until_again(q, SPANS_NOW, NULL) > 0);
        alloc_fail_at(n);
        int rc = AGAIN;
        while (rc == AGAIN)
            rc = server_reply_write(q, &s, 1, SPANS_REQUEST);
        assert_true(alloc_fail_hit());
        assert_int_equal(rc, -ENOMEM);
        wait_done(&r, n);
        peer_close(&r, &p);
    }
    assert_int_equal(r.delivered, 0);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_are_framed),
        cmocka_unit_test(head_can_be_sent_alone),
        cmocka_unit_test(chunk_sizes_in_hex),
        cmocka_unit_test(framing_depends_on_request_and_status),
        cmocka_unit_test(unsafe_fields_are_refused),
        cmocka_unit_test(announced_length_is_kept),
        cmocka_unit_test(abort_is_seen_as_a_cut),
        cmocka_unit_test(slow_client_of_copied_bytes),
        cmocka_unit_test(slow_client_of_borrowed_bytes),
        cmocka_unit_test(slow_client_of_chunks),
        cmocka_unit_test(writer_that_ignores_again_is_cut_off),
        cmocka_unit_test(a_stream_may_forget_its_request),
        cmocka_unit_test(a_forgotten_head_still_reaches_a_slow_client),
        cmocka_unit_test(pipelined_request_waits_for_a_slow_client),
        cmocka_unit_test(memory_may_run_out_while_it_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
