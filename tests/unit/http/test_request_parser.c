/* test_request_parser.c: what is a request, what is refused and with which status; whole, cut at
 * every byte, byte by byte, and with the n-th allocation failing. */

#include "http/request_parser.h"

#include "base/buf.h"
#include "support/alloc_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct request_limits limits = {.header_bytes = 1024, .body_bytes = 4096};

/* The parser's own memory is exact, so that reading past a piece is seen by ASan. */
static char *exact(struct slice s)
{
    char *at = malloc(s.len ? s.len : 1);

    assert_non_null(at);
    if (s.len)
        memcpy(at, s.at, s.len);
    return at;
}

struct outcome {
    enum request_step step;
    size_t used;
};

/* Feeds pieces of at most `piece` bytes, the first one of `first` bytes. */
static struct outcome feed(struct request_parser *p, struct slice text, size_t first, size_t piece)
{
    struct outcome o = {REQUEST_MORE, 0};

    while (o.used < text.len && o.step == REQUEST_MORE) {
        size_t n = o.used == 0 && first > 0 ? first : piece;
        struct slice s = slice_sub(text, o.used, MIN(text.len, o.used + n));
        char *at = exact(s);
        size_t used = 0;
        o.step = request_parser_feed(p, slice_of(at, s.len), &used);
        assert_true(used <= s.len);
        assert_true(o.step != REQUEST_MORE || used == s.len);
        o.used += used;
        free(at);
    }
    return o;
}

/* The whole result as one text. */
static void describe(struct buf *ret, struct request_parser *p, struct outcome o)
{
    const struct request_head *h = request_parser_head(p);

    buf_reset(ret);
    if (o.step == REQUEST_BAD) {
        buf_printf(ret, "%d %s", request_parser_fault(p).status, request_parser_fault(p).why);
        return;
    }
    buf_printf(ret, "step %d used %zu ", o.step, o.used);
    if (!h)
        return;
    buf_printf(ret, "%.*s %.*s ?%.*s 1.%u ka %d ex %d\n", SLICE_FMT(h->method), SLICE_FMT(h->path),
               SLICE_FMT(h->query), h->minor, h->keep_alive, h->expects_continue);
    for (size_t i = 0; i < h->headers.len; i++)
        buf_printf(ret, "[%.*s]=[%.*s]\n", SLICE_FMT(h->headers.at[i].name),
                   SLICE_FMT(h->headers.at[i].value));
    buf_add(ret, request_parser_body(p));
}

struct fixture {
    struct request_parser *parser;
    struct arena arena;
    struct buf text, again;
};

static void fixture_open(struct fixture *f)
{
    f->parser = request_parser_new();
    assert_non_null(f->parser);
    arena_init(&f->arena, 0);
    buf_init(&f->text, 1 << 20);
    buf_init(&f->again, 1 << 20);
}

static void fixture_close(struct fixture *f)
{
    request_parser_free(f->parser);
    arena_clear(&f->arena);
    buf_free(&f->text);
    buf_free(&f->again);
}

static struct outcome parse(struct fixture *f, struct slice text, size_t first, size_t piece)
{
    arena_clear(&f->arena);
    request_parser_start(f->parser, &f->arena, &limits);
    return feed(f->parser, text, first, piece);
}

/* The same result however it is cut; leaves the result of the whole in f->text. */
static struct outcome parse_every_way(struct fixture *f, struct slice text)
{
    struct outcome o = parse(f, text, 0, SIZE_MAX / 2);

    describe(&f->text, f->parser, o);
    for (size_t cut = 1; cut < text.len; cut++) {
        describe(&f->again, f->parser, parse(f, text, cut, SIZE_MAX / 2));
        assert_true(slice_eq(buf_slice(&f->text), buf_slice(&f->again)));
    }
    describe(&f->again, f->parser, parse(f, text, 1, 1));
    assert_true(slice_eq(buf_slice(&f->text), buf_slice(&f->again)));
    o = parse(f, text, 0, SIZE_MAX / 2);
    return o;
}

static void whole_requests_however_cut(void **state)
{
    static const struct {
        struct slice text;
        const char *method, *path, *query, *body;
        unsigned minor;
        bool keep_alive, expects;
        size_t fields;
    } cases[] = {
        {SLICE_INIT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),                                          "GET",     "/",  "",  "",      1, true,  false, 1},
        {SLICE_INIT("\r\n\r\nGET /x?a=b?c HTTP/1.1\r\nhOsT:\t a:80 \t\r\n\r\n"),                   "GET",     "/x",
         "a=b?c",                                                                                                        "",      1, true,  false, 1},
        {SLICE_INIT("GET / HTTP/1.0\r\n\r\n"),                                                     "GET",     "/",  "",  "",      0, false, false, 0},
        {SLICE_INIT("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),                           "GET",     "/",  "",  "",      0,
         true,                                                                                                                              false, 1},
        {SLICE_INIT("GET / HTTP/1.1\r\nHost:\r\nConnection: x, close\r\n\r\n"),                    "GET",     "/",  "",  "",
         1,                                                                                                                          false, false, 2},
        {SLICE_INIT("GET http://example.com/v1/models?x HTTP/1.1\r\nHost: e\r\n\r\n"),             "GET",
         "/v1/models",                                                                                              "x", "",      1, true,  false, 1},
        {SLICE_INIT("GET http://example.com?x HTTP/1.1\r\nHost: e\r\n\r\n"),                       "GET",     "/",  "x", "",      1,
         true,                                                                                                                              false, 1},
        {SLICE_INIT("OPTIONS * HTTP/1.1\r\nHost: e\r\n\r\n"),                                      "OPTIONS", "*",  "",  "",      1, true,
         false,                                                                                                                                    1},
        {SLICE_INIT("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),              "POST",    "/a",
         "",                                                                                                             "hello", 1, true,  false, 2},
        {SLICE_INIT("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),                   "POST",    "/a", "",
         "",                                                                                                                      1, true,  false, 2},
        {SLICE_INIT("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n"
                    "Content-Length: 2\r\n\r\nhi"),
         "POST",                                                                                              "/a", "",  "hi",    1, true,  true,  3},
        {SLICE_INIT("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
                    "3;x=y\r\nabc\r\n0002\r\nde\r\n0\r\nTrailer: t\r\n\r\n"),
         "POST",                                                                                              "/a", "",  "abcde", 1, true,  false, 2},
        {SLICE_INIT("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
         "POST",                                                                                              "/a", "",  "",      1, true,  false, 2},
        {SLICE_INIT("POST /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
         "POST",                                                                                              "/a", "",  "x",     1, true,  false, 4},
    };
    struct fixture f;
    (void)state;

    fixture_open(&f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outcome o = parse_every_way(&f, cases[i].text);
        const struct request_head *h = request_parser_head(f.parser);
        assert_int_equal(o.step, REQUEST_WHOLE);
        assert_int_equal(o.used, cases[i].text.len);
        assert_true(slice_eq(h->method, slice_str(cases[i].method)));
        assert_true(slice_eq(h->path, slice_str(cases[i].path)));
        assert_true(slice_eq(h->query, slice_str(cases[i].query)));
        assert_true(slice_eq(request_parser_body(f.parser), slice_str(cases[i].body)));
        assert_int_equal(h->minor, cases[i].minor);
        assert_int_equal(h->keep_alive, cases[i].keep_alive);
        assert_int_equal(h->expects_continue, cases[i].expects);
        assert_int_equal(h->headers.len, cases[i].fields);
    }
    fixture_close(&f);
}

static void what_follows_is_left_alone(void **state)
{
    static const struct {
        struct slice text;
        size_t used;
    } cases[] = {
        {SLICE_INIT("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET"),                         27},
        {SLICE_INIT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET"), 49},
        {SLICE_INIT("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "0\r\n\r\n\x16\x03"),
         61                                                                            },
    };
    struct fixture f;
    (void)state;

    fixture_open(&f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outcome o = parse_every_way(&f, cases[i].text);
        assert_int_equal(o.step, REQUEST_WHOLE);
        assert_int_equal(o.used, cases[i].used);
    }
    fixture_close(&f);
}

#define HOST "Host: a\r\n"
#define POST "POST / HTTP/1.1\r\n" HOST
#define TE   POST "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
    struct slice text;
    int status;
} refused[] = {
    {SLICE_INIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),                       400},
    {SLICE_INIT("GET\0 / HTTP/1.1\r\n" HOST "\r\n"),                                   400},
    {SLICE_INIT("GET /\0 HTTP/1.1\r\n" HOST "\r\n"),                                   400},
    {SLICE_INIT("GET /\x01 HTTP/1.1\r\n" HOST "\r\n"),                                 400},
    {SLICE_INIT("GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"),                             400},
    {SLICE_INIT("GET / HTTP/1.1\r\n" HOST "A: x\0y\r\n\r\n"),                          400},
    {SLICE_INIT("GET / HTTP/1.1\r\n" HOST "A: x\x01y\r\n\r\n"),                        400},
    {SLICE_INIT("GET / HTTP/1.1\r\n" HOST "A\x01: y\r\n\r\n"),                         400},
    {SLICE_INIT("GET / HTTP/1.1\r\n" HOST "A : y\r\n\r\n"),                            400},
    {SLICE_INIT("GET / HTTP/1.1\r\n" HOST ": y\r\n\r\n"),                              400},
    {SLICE_INIT("GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n"),                       400},
    {SLICE_INIT("GET / HTTP/1.1\r\n" HOST "A: \r\n c\r\n\r\n"),                        400},
    {SLICE_INIT("GET / HTTP/1.1\r\n A: b\r\n" HOST "\r\n"),                            400},
    {SLICE_INIT("GET / HTTP/1.1\n" HOST "\r\n"),                                       400},
    {SLICE_INIT("GET / HTTP/1.1\r\nHost: a\n\r\n"),                                    400},
    {SLICE_INIT("GET / HTTP/1.1\r\nHost: a\rB: c\r\n\r\n"),                            400},
    {SLICE_INIT("GET  / HTTP/1.1\r\n" HOST "\r\n"),                                    400},
    {SLICE_INIT("GET /  HTTP/1.1\r\n" HOST "\r\n"),                                    400},
    {SLICE_INIT("GET /\r\n\r\n"),                                                      400},
    {SLICE_INIT("GET a HTTP/1.1\r\n" HOST "\r\n"),                                     400},
    {SLICE_INIT("FOO / HTTP/1.1\r\n" HOST "\r\n"),                                     400},
    {SLICE_INIT("get / HTTP/1.1\r\n" HOST "\r\n"),                                     400},
    {SLICE_INIT("CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n"),                             501},
    {SLICE_INIT("GET / HTTP/2.0\r\n" HOST "\r\n"),                                     505},
    {SLICE_INIT("GET / HTTP/0.9\r\n" HOST "\r\n"),                                     505},
    {SLICE_INIT("GET / HTTP/1.2\r\n" HOST "\r\n"),                                     505},
    {SLICE_INIT("SOURCE / ICE/1.0\r\n\r\n"),                                           400},
    {SLICE_INIT("DESCRIBE / RTSP/1.0\r\n\r\n"),                                        400},
    {SLICE_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),                                   505},
    {SLICE_INIT("GET / HTTP/1.1\r\n\r\n"),                                             400},
    {SLICE_INIT("GET / HTTP/1.1\r\n" HOST HOST "\r\n"),                                400},
    {SLICE_INIT("GET / HTTP/1.0\r\n" HOST HOST "\r\n"),                                400},
    {SLICE_INIT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),                                400},
    {SLICE_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),                                400},
    {SLICE_INIT("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),                               400},
    {SLICE_INIT(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),             400},
    {SLICE_INIT(POST "Content-Length: 3, 3\r\n\r\nabc"),                               400},
    {SLICE_INIT(POST "Content-Length: +3\r\n\r\nabc"),                                 400},
    {SLICE_INIT(POST "Content-Length: -3\r\n\r\nabc"),                                 400},
    {SLICE_INIT(POST "Content-Length: 0x3\r\n\r\nabc"),                                400},
    {SLICE_INIT(POST "Content-Length: 3 3\r\n\r\nabc"),                                400},
    {SLICE_INIT(POST "Content-Length:\r\n\r\n"),                                       400},
    {SLICE_INIT(POST "Content-Length: 99999999999999999999\r\n\r\n"),                  400},
    {SLICE_INIT(POST "Content-Length: 4097\r\n\r\n"),                                  413},
    {SLICE_INIT(POST "Content-Length: 10737418240\r\n\r\n"),                           413},
    {SLICE_INIT(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"),    400},
    {SLICE_INIT(POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc"),    400},
    {SLICE_INIT(POST "Transfer-Encoding: gzip\r\n\r\n"),                               501},
    {SLICE_INIT(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),             501},
    {SLICE_INIT(POST "Transfer-Encoding: chunked, gzip\r\n\r\n"),                      501},
    {SLICE_INIT(POST "Transfer-Encoding: xchunked\r\n\r\n"),                           501},
    {SLICE_INIT(POST "Transfer-Encoding: \x0b"
                     "chunked\r\n\r\n0\r\n\r\n"),
     400                                                                                  },
    {SLICE_INIT(POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    {SLICE_INIT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),     400},
    {SLICE_INIT(POST "Expect: something\r\nContent-Length: 1\r\n\r\n"),                417},
    {SLICE_INIT(TE "zz\r\n"),                                                          400},
    {SLICE_INIT(TE "\r\n"),                                                            400},
    {SLICE_INIT(TE "-1\r\nabc"),                                                       400},
    {SLICE_INIT(TE "3 \r\nabc\r\n0\r\n\r\n"),                                          400},
    {SLICE_INIT(TE "3\nabc\n0\n\n"),                                                   400},
    {SLICE_INIT(TE "3\r\nabcd\r\n0\r\n\r\n"),                                          400},
    {SLICE_INIT(TE "3\r\nabc0\r\n\r\n"),                                               400},
    {SLICE_INIT(TE "ffffffffffffffffff\r\nabc"),                                       400},
    {SLICE_INIT(TE "3\r\nabc\r\n0\r\nA b\r\n\r\n"),                                    400},
};

static void bad_requests_however_cut(void **state)
{
    struct fixture f;
    (void)state;

    fixture_open(&f);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct outcome o = parse(&f, refused[i].text, 0, SIZE_MAX / 2);
        if (o.step != REQUEST_BAD || request_parser_fault(f.parser).status != refused[i].status)
            fail_msg("%.*s: step %d, status %d", SLICE_FMT(refused[i].text), o.step,
                     request_parser_fault(f.parser).status);
        parse_every_way(&f, refused[i].text);
    }
    fixture_close(&f);
}

/* `head`, then `n` times `part`. */
static struct slice repeat(struct arena *a, const char *head, const char *part, size_t n)
{
    size_t head_len = strlen(head), part_len = strlen(part);
    char *at = arena_alloc(a, head_len + n * part_len);

    assert_non_null(at);
    memcpy(at, head, head_len);
    for (size_t i = 0; i < n; i++)
        memcpy(at + head_len + i * part_len, part, part_len);
    return slice_of(at, head_len + n * part_len);
}

static void limits_are_kept(void **state)
{
    static const struct {
        const char *head, *part;
        size_t n;
        int status;
    } cases[] = {
        {"GET /",                            "x",                       1 << 20, 414},
        {"GET / HTTP/1.1\r\nHost: a\r\nA: ", "x",                       100000,  431},
        {"GET / HTTP/1.1\r\n",               "a:b\r\n",                 130,     431},
        {"GET / HTTP/1.1\r\nHost: a\r\n",    "abcdefghijklmnop: q\r\n", 100,     431},
        {"\r\n",                             "\r\n",                    1000,    414},
        {TE,                                 "1000\r\n",                1,       0  },
        {TE,                                 "1\r\nx\r\n",              4097,    413},
        {TE "1001\r\n",                      "x",                       4097,    413},
        {TE "1;",                            "x",                       9000,    400},
        {TE "0\r\nA: ",                      "x",                       9000,    400},
    };
    struct fixture f;
    struct arena a;
    (void)state;

    fixture_open(&f);
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice text = repeat(&a, cases[i].head, cases[i].part, cases[i].n);
        for (size_t piece = 1; piece < 2 * text.len; piece *= 97) {
            struct outcome o = parse(&f, text, 0, piece);
            assert_int_equal(o.step, cases[i].status ? REQUEST_BAD : REQUEST_MORE);
            assert_int_equal(request_parser_fault(f.parser).status, cases[i].status);
        }
    }
    arena_clear(&a);
    fixture_close(&f);
}

static void head_of_exactly_the_limit(void **state)
{
    const char *start = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
    struct fixture f;
    struct arena a;
    (void)state;

    fixture_open(&f);
    arena_init(&a, 0);
    for (size_t extra = 0; extra < 2; extra++) {
        struct slice text = repeat(&a, start, "x", limits.header_bytes - strlen(start) + extra);
        memcpy((char *)(uintptr_t)text.at + text.len - 4, "\r\n\r\n", 4);
        struct outcome o = parse_every_way(&f, text);
        assert_int_equal(o.step, extra ? REQUEST_BAD : REQUEST_WHOLE);
        assert_int_equal(request_parser_fault(f.parser).status, extra ? 431 : 0);
    }
    arena_clear(&a);
    fixture_close(&f);
}

static void body_goes_into_its_room(void **state)
{
    struct slice text = SLICE("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n012");
    struct fixture f;
    size_t room_len = 0;
    (void)state;

    fixture_open(&f);
    assert_int_equal(parse(&f, text, 0, SIZE_MAX / 2).step, REQUEST_MORE);
    assert_non_null(request_parser_head(f.parser));
    char *room = request_parser_room(f.parser, &room_len);
    assert_int_equal(room_len, 7);
    memcpy(room, "3456", 4);
    assert_int_equal(request_parser_took(f.parser, 4), REQUEST_MORE);
    room = request_parser_room(f.parser, &room_len);
    assert_int_equal(room_len, 3);
    memcpy(room, "789", 3);
    assert_int_equal(request_parser_took(f.parser, 3), REQUEST_WHOLE);
    assert_true(slice_eq(request_parser_body(f.parser), SLICE("0123456789")));
    assert_null(request_parser_room(f.parser, &room_len));
    fixture_close(&f);
}

static void no_room_for_chunks_or_heads(void **state)
{
    struct fixture f;
    size_t len;
    (void)state;

    fixture_open(&f);
    parse(&f, SLICE("POST / HT"), 0, 1);
    assert_null(request_parser_room(f.parser, &len));
    assert_null(request_parser_head(f.parser));
    parse(&f, SLICE(TE "3\r\na"), 0, 1);
    assert_null(request_parser_room(f.parser, &len));
    assert_true(slice_eq(request_parser_body(f.parser), SLICE("a")));
    fixture_close(&f);
}

static void fault_behind_the_line_leaves_the_head(void **state)
{
    struct fixture f;
    (void)state;

    fixture_open(&f);
    parse(&f, SLICE(POST "Content-Length: 99999\r\n\r\n"), 0, SIZE_MAX / 2);
    assert_true(slice_eq(request_parser_head(f.parser)->path, SLICE("/")));
    fixture_close(&f);
}

static void every_allocation_may_fail(void **state)
{
    static const struct slice texts[] = {
        SLICE_INIT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\nabc"),
        SLICE_INIT(TE "3\r\nabc\r\n0\r\n\r\n"),
    };
    struct fixture f;
    (void)state;

    fixture_open(&f);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (unsigned n = 1;; n++) {
            size_t used, half = texts[i].len / 2;
            arena_clear(&f.arena);
            request_parser_start(f.parser, &f.arena, &limits);
            alloc_fail_at(n);
            enum request_step step =
                request_parser_feed(f.parser, slice_sub(texts[i], 0, half), &used);
            if (step == REQUEST_MORE)
                step =
                    request_parser_feed(f.parser, slice_sub(texts[i], half, texts[i].len), &used);
            if (!alloc_fail_hit())
                break;
            assert_int_equal(step, REQUEST_BAD);
            assert_int_equal(request_parser_fault(f.parser).status, 503);
        }
    }
    alloc_fail_at(1);
    assert_null(request_parser_new());
    assert_true(alloc_fail_hit());
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_requests_however_cut),
        cmocka_unit_test(what_follows_is_left_alone),
        cmocka_unit_test(bad_requests_however_cut),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(head_of_exactly_the_limit),
        cmocka_unit_test(body_goes_into_its_room),
        cmocka_unit_test(no_room_for_chunks_or_heads),
        cmocka_unit_test(fault_behind_the_line_leaves_the_head),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
