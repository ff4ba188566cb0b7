/* test_answer_parser.c: answers whole, cut at every byte, refused, and without memory. */

#include "http/answer_parser.h"

#include "support/alloc_fail.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct outcome {
    int rc;
    bool whole;
    size_t used; /* bytes of the answer, over all feeds */
    unsigned heads;
    char body[65536];
    size_t body_len;
};

enum { LIMIT = 4096 };

/* Feeds text in pieces of `piece` bytes, each in memory of its exact size. */
static void run(struct answer_parser *p, struct slice text, size_t piece, struct outcome *ret)
{
    *ret = (struct outcome){0};
    for (size_t at = 0; at < text.len && ret->rc == OK && !ret->whole; at += piece) {
        size_t n = MIN(piece, text.len - at);
        char *exact = malloc(n);
        struct answer_step step;
        memcpy(exact, text.at + at, n);
        ret->rc = answer_parser_feed(p, exact, n, &step);
        ret->heads += step.head;
        if (step.body.len) {
            assert_true(step.body.at >= exact && step.body.at + step.body.len <= exact + n);
            memcpy(ret->body + ret->body_len, step.body.at, step.body.len);
        }
        ret->body_len += step.body.len;
        ret->whole = step.whole;
        ret->used += step.used;
        free(exact);
    }
}

static void parse(struct slice text, size_t piece, bool to_head, struct outcome *ret)
{
    struct answer_parser p;

    answer_parser_init(&p, LIMIT, to_head);
    run(&p, text, piece, ret);
    answer_parser_clear(&p);
}

struct good {
    const char *name;
    struct slice text, body;
    int status;
    int64_t length;
    bool keeps_alive, unframed;
};

static const struct good good[] = {
    {"content-length",
     SLICE_INIT("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"),
     SLICE_INIT("hello"),                                                                                                                   200, 5,  true,  false},
    {"empty body",                     SLICE_INIT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),                        SLICE_INIT(""),   200,
     0,                                                                                                                                              true,  false},
    {"chunked",
     SLICE_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                "5\r\nhello\r\n7;ext=\"a b\"\r\n, world\r\n00\r\n\r\n"),
     SLICE_INIT("hello, world"),                                                                                                            200, -1, true,  false},
    {"chunked, with trailers",
     SLICE_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding:chunked\r\n\r\n"
                "a\r\n0123456789\r\n0\r\nX-Sum: 1\r\nX-Other:\r\n\r\n"),
     SLICE_INIT("0123456789"),                                                                                                              200, -1, true,  false},
    {"close",                          SLICE_INIT("HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"),
     SLICE_INIT("no"),                                                                                                                      503, 2,  false, false},
    {"HTTP/1.0",                       SLICE_INIT("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),                      SLICE_INIT("ok"),
     200,                                                                                                                                        2,  false, false},
    {"HTTP/1.0 that would keep alive",
     SLICE_INIT("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"),
     SLICE_INIT("ok"),                                                                                                                      200, 2,  false, false},
    {"204",                            SLICE_INIT("HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"),                             SLICE_INIT(""),   204, 0,  true,
     false                                                                                                                                                       },
    {"304 with a length",              SLICE_INIT("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
     SLICE_INIT(""),                                                                                                                        304, 0,  true,  false},
    {"interim answers before it",
     SLICE_INIT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: <x>\r\n\r\n"
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
     SLICE_INIT("ok"),                                                                                                                      200, 2,  true,  false},
    {"no reason",                      SLICE_INIT("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"),                         SLICE_INIT("ok"), 200,
     2,                                                                                                                                              true,  false},
};

static void test_good_answers_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        const struct good *g = &good[i];
        for (size_t piece = 1; piece <= g->text.len; piece++) {
            struct answer_parser p;
            struct outcome o;
            answer_parser_init(&p, LIMIT, false);
            run(&p, g->text, piece, &o);
            if (o.rc != OK || !o.whole)
                fail_msg("%s in pieces of %zu: %d", g->name, piece, o.rc);
            assert_int_equal(o.heads, 1);
            assert_int_equal(o.used, g->text.len);
            assert_int_equal(p.head.status, g->status);
            assert_int_equal(p.head.content_length, g->length);
            assert_int_equal(p.keep_alive, g->keeps_alive);
            assert_int_equal(p.unframed, g->unframed);
            assert_int_equal(o.body_len, g->body.len);
            if (o.body_len)
                assert_memory_equal(o.body, g->body.at, o.body_len);
            answer_parser_clear(&p);
        }
    }
}

/* However an answer is cut off, it is never whole, and its end never in order. */
static void test_cut_answers_are_never_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        for (size_t cut = 1; cut < good[i].text.len; cut++) {
            struct answer_parser p;
            struct outcome o;
            answer_parser_init(&p, LIMIT, false);
            run(&p, slice_sub(good[i].text, 0, cut), cut, &o);
            assert_int_equal(o.rc, OK);
            assert_false(o.whole);
            assert_int_equal(answer_parser_end(&p), -ECONNRESET);
            answer_parser_clear(&p);
        }
    }
}

static void test_a_body_without_framing_ends_with_the_connection(void **state)
{
    struct slice text =
        SLICE("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    size_t head = slice_find(text, SLICE("\r\n\r\n")) + 4;
    (void)state;

    for (size_t cut = 1; cut <= text.len; cut++) {
        struct answer_parser p;
        struct outcome o;
        answer_parser_init(&p, LIMIT, false);
        run(&p, slice_sub(text, 0, cut), cut, &o);
        assert_false(o.whole);
        assert_int_equal(answer_parser_end(&p), cut < head ? -ECONNRESET : OK);
        assert_int_equal(p.unframed, cut >= head);
        assert_int_equal(o.body_len, cut < head ? 0 : cut - head);
        answer_parser_clear(&p);
    }
}

static void test_an_answer_to_head_has_no_body(void **state)
{
    struct outcome o;
    struct answer_parser p;
    struct slice text = SLICE("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    (void)state;

    answer_parser_init(&p, LIMIT, true);
    run(&p, text, text.len, &o);
    assert_true(o.whole);
    assert_true(p.keep_alive);
    assert_int_equal(p.head.content_length, 1000);
    answer_parser_clear(&p);
    parse(SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), 3, true, &o);
    assert_true(o.whole);
}

static void test_headers_are_slices_of_their_own(void **state)
{
    struct outcome o;
    struct answer_parser p;
    struct slice text =
        SLICE("HTTP/1.1 429 Too Many\r\nRetry-After:   7\t \r\nX-Empty:\r\nX-Blank:  \r\n"
              "x-request-id: req_1\r\nContent-Length: 0\r\n\r\n");
    (void)state;

    for (size_t piece = 1; piece < text.len; piece++) {
        answer_parser_init(&p, LIMIT, false);
        run(&p, text, piece, &o);
        assert_int_equal(p.head.headers.len, 5);
        assert_true(slice_eq(headers_get(&p.head.headers, SLICE("retry-after")), SLICE("7")));
        assert_true(slice_eq(headers_get(&p.head.headers, SLICE("X-Request-ID")), SLICE("req_1")));
        assert_non_null(headers_find(&p.head.headers, SLICE("x-empty")));
        assert_int_equal(headers_get(&p.head.headers, SLICE("x-empty")).len, 0);
        assert_int_equal(headers_get(&p.head.headers, SLICE("x-blank")).len, 0);
        answer_parser_clear(&p);
    }
}

static void test_interim_headers_are_forgotten(void **state)
{
    struct outcome o;
    struct answer_parser p;
    struct slice text = SLICE("HTTP/1.1 103 Early\r\nX-Early: 1\r\n\r\n"
                              "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    (void)state;

    answer_parser_init(&p, LIMIT, false);
    run(&p, text, 5, &o);
    assert_int_equal(p.head.headers.len, 1);
    assert_null(headers_find(&p.head.headers, SLICE("x-early")));
    answer_parser_clear(&p);
}

/* The chunks of one feed come as one run, moved together in place. */
static void test_chunks_of_one_feed_are_one_body(void **state)
{
    struct slice text = SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "1\r\na\r\n2\r\nbc\r\n1;x\r\nd\r\n3\r\nefg\r\n0\r\n\r\n");
    struct answer_parser p;
    struct answer_step step;
    char bytes[256];
    (void)state;

    memcpy(bytes, text.at, text.len);
    answer_parser_init(&p, LIMIT, false);
    assert_int_equal(answer_parser_feed(&p, bytes, text.len, &step), OK);
    assert_true(step.head && step.whole);
    assert_true(slice_eq(step.body, SLICE("abcdefg")));
    answer_parser_clear(&p);
}

static void test_bytes_behind_the_answer_are_told(void **state)
{
    struct outcome o;
    struct slice text = SLICE("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n");
    (void)state;

    parse(text, text.len, false, &o);
    assert_int_equal(o.rc, OK);
    assert_true(o.whole);
    assert_int_equal(o.used, slice_find(text, SLICE("okHTTP")) + 2);
    assert_int_equal(o.body_len, 2);
}

static const char *const bad[] = {
    "garbage\r\n\r\n",
    "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: "
    "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: "
    "5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello",
    "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nName : x\r\n\r\n",
    "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\x01"
    "b\r\n\r\n",
    "HTTP/1.1 200 OK\nX: a\n\n",
};

static void test_bad_answers_are_refused_however_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct slice text = slice_str(bad[i]);
        for (size_t piece = 1; piece <= text.len; piece++) {
            struct outcome o;
            parse(text, piece, false, &o);
            if (o.rc != -EPROTO)
                fail_msg("answer %zu in pieces of %zu: %d, whole %d", i, piece, o.rc, o.whole);
            assert_false(o.whole);
        }
    }
}

/* What came before the fault is told. */
static void test_good_bytes_before_a_fault_are_told(void **state)
{
    struct outcome o;
    struct slice text = SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "5\r\nhello\r\nzz\r\n");
    (void)state;

    parse(text, text.len, false, &o);
    assert_int_equal(o.rc, -EPROTO);
    assert_int_equal(o.heads, 1);
    assert_int_equal(o.body_len, 5);
}

/* prefix, n times c, suffix. */
static struct slice long_text(const char *prefix, char c, size_t n, const char *suffix)
{
    size_t before = strlen(prefix), behind = strlen(suffix);
    char *text = malloc(before + n + behind);

    memcpy(text, prefix, before);
    memset(text + before, c, n);
    memcpy(text + before + n, suffix, behind);
    return slice_of(text, before + n + behind);
}

static void test_heads_have_a_limit(void **state)
{
    static const struct {
        const char *prefix, *suffix;
        char c;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nX: ",                                        "\r\nContent-Length: 0\r\n\r\n",    'x'},
        {"HTTP/1.1 200 OK\r\n",                                           ": x\r\nContent-Length: 0\r\n\r\n", 'x'},
        {"HTTP/1.1 200 OK\r\nX:",                                         "x\r\nContent-Length: 0\r\n\r\n",   ' '},
        {"HTTP/1.1 200 ",                                                 "\r\nContent-Length: 0\r\n\r\n",    'x'},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", "\r\n\r\n",                         'x'},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",       "\r\nx\r\n0\r\n\r\n",               'x'},
    };
    struct outcome o;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice over = long_text(cases[i].prefix, cases[i].c, 2 * LIMIT, cases[i].suffix);
        struct slice under = long_text(cases[i].prefix, cases[i].c, LIMIT / 2, cases[i].suffix);
        for (size_t piece = 1; piece < 5000; piece = piece * 3 + 1) {
            parse(over, piece, false, &o);
            assert_int_equal(o.rc, -EMSGSIZE);
            parse(under, piece, false, &o);
            assert_int_equal(o.rc, OK);
            assert_true(o.whole);
        }
        free((char *)(uintptr_t)over.at);
        free((char *)(uintptr_t)under.at);
    }
}

static void test_fields_have_a_limit(void **state)
{
    char text[HEADERS_MAX * 8 + 256];
    struct outcome o;
    (void)state;

    for (size_t n = HEADERS_MAX - 1; n <= HEADERS_MAX; n++) {
        size_t len = 0;
        memcpy(text, "HTTP/1.1 200 OK\r\n", 17);
        len = 17;
        for (size_t i = 0; i < n; i++, len += 6)
            memcpy(text + len, "A: b\r\n", 6);
        memcpy(text + len, "Content-Length: 0\r\n\r\n", 21);
        parse(slice_of(text, len + 21), len, false, &o);
        assert_int_equal(o.rc, n + 1 <= HEADERS_MAX ? OK : -EMSGSIZE);
    }
}

static void test_endless_interim_answers_have_a_limit(void **state)
{
    char text[LIMIT * 2];
    struct outcome o;
    size_t len = 0;
    (void)state;

    for (; len + 25 <= sizeof(text); len += 25)
        memcpy(text + len, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    parse(slice_of(text, len), 1000, false, &o);
    assert_int_equal(o.rc, -EMSGSIZE);
}

static void test_without_memory(void **state)
{
    struct slice text =
        long_text("HTTP/1.1 200 OK\r\nX: ", 'x', 2000,
                  "\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: 6\r\nG: 7\r\nH: 8\r\n"
                  "I: 9\r\nJ: 10\r\nK: 11\r\nL: 12\r\nM: 13\r\nN: 14\r\nO: 15\r\n"
                  "P: 16\r\nContent-Length: 2\r\n\r\nok");
    unsigned failures = 0;
    (void)state;

    for (unsigned n = 1;; n++) {
        struct answer_parser p;
        struct answer_step step;
        char *bytes = malloc(text.len);
        memcpy(bytes, text.at, text.len);
        answer_parser_init(&p, LIMIT, false);
        alloc_fail_at(n);
        int rc = answer_parser_feed(&p, bytes, text.len, &step);
        bool hit = alloc_fail_hit();
        assert_true(rc == OK || (hit && rc == -ENOMEM)); /* giving back what is too much may fail */
        failures += rc == -ENOMEM;
        answer_parser_clear(&p);
        free(bytes);
        if (!hit)
            break;
    }
    assert_true(failures >= 3);
    free((char *)(uintptr_t)text.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_answers_cut_anywhere),
        cmocka_unit_test(test_cut_answers_are_never_whole),
        cmocka_unit_test(test_a_body_without_framing_ends_with_the_connection),
        cmocka_unit_test(test_an_answer_to_head_has_no_body),
        cmocka_unit_test(test_headers_are_slices_of_their_own),
        cmocka_unit_test(test_interim_headers_are_forgotten),
        cmocka_unit_test(test_chunks_of_one_feed_are_one_body),
        cmocka_unit_test(test_bytes_behind_the_answer_are_told),
        cmocka_unit_test(test_bad_answers_are_refused_however_cut),
        cmocka_unit_test(test_good_bytes_before_a_fault_are_told),
        cmocka_unit_test(test_heads_have_a_limit),
        cmocka_unit_test(test_fields_have_a_limit),
        cmocka_unit_test(test_endless_interim_answers_have_a_limit),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
