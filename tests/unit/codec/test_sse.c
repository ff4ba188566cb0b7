/* test_sse.c: frames, however the stream is cut. */

#include "codec/sse.h"
#include "support/alloc_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

enum { MAX_FRAME = 1 << 20 };

/* What came out, written down: "name|data\n" per frame with data, "-\n" per frame without. */
struct record {
    struct buf text, raw;
};

static void record_init(struct record *r)
{
    buf_init(&r->text, MAX_FRAME);
    buf_init(&r->raw, MAX_FRAME);
}

static void record_free(struct record *r)
{
    buf_free(&r->text);
    buf_free(&r->raw);
}

static void record_frame(struct record *r, const struct sse_frame *f)
{
    buf_add(&r->raw, f->raw);
    if (!f->has_data) {
        buf_add(&r->text, SLICE("-\n"));
        return;
    }
    buf_add(&r->text, f->name);
    buf_add_char(&r->text, '|');
    buf_add(&r->text, f->data);
    buf_add_char(&r->text, '\n');
}

static int feed(struct sse *s, struct slice piece, struct record *r)
{
    struct sse_frame f;
    char *exact = malloc(piece.len ? piece.len : 1); /* frames may not point into an older piece */
    int rc;

    assert_non_null(exact);
    if (piece.len)
        memcpy(exact, piece.at, piece.len);
    struct slice input = slice_of(exact, piece.len);
    while ((rc = sse_next(s, &input, &f)) == 1)
        record_frame(r, &f);
    if (rc == 0)
        assert_int_equal(input.len, 0);
    free(exact);
    return rc;
}

static int finish(struct sse *s, struct record *r)
{
    struct sse_frame f;
    int rc = sse_end(s, &f);

    if (rc == 1)
        record_frame(r, &f);
    else if (rc == 0)
        buf_add(&r->raw, f.raw);
    return rc;
}

static const struct {
    struct slice stream;
    const char *frames;
} cases[] = {
    {SLICE_INIT("data: a\n\ndata: b\n\n"),                              "|a\n|b\n"                   },
    {SLICE_INIT("data: a\r\n\r\ndata: b\r\n\r\n"),                      "|a\n|b\n"                   },
    {SLICE_INIT("data: a\r\rdata: b\r\r"),                              "|a\n|b\n"                   },
    {SLICE_INIT("data: a\r\n\ndata: b\n\r\ndata: c\n\rdata: d\r\n\r"),  "|a\n|b\n|c\n|d\n"           },
    {SLICE_INIT("event: x\ndata: a\n\nevent:y\n\n"),                    "x|a\n-\n"                   },
    {SLICE_INIT("event: x\nevent\ndata: a\n\n"),                        "|a\n"                       },
    {SLICE_INIT("data: a\ndata:b\ndata\ndata:  c\n\n"),                 "|a\nb\n\n c\n"              },
    {SLICE_INIT("data\n\ndata:\n\n"),                                   "|\n|\n"                     },
    {SLICE_INIT("data\ndata\n\n"),                                      "|\n\n"                      },
    {SLICE_INIT(": keep-alive\n\n:\n\ndata: a\n: in between\n\n"),      "-\n-\n|a\n"                 },
    {SLICE_INIT("id: 1\nretry: 5\ndatax: no\n data: no\nDATA: no\n\n"), "-\n"                        },
    {SLICE_INIT("\n\n\r\n\rdata: a\n\n"),                               "-\n-\n-\n-\n|a\n"           },
    {SLICE_INIT("\xEF\xBB\xBF"
                "data: a\n\n\xEF\xBB\xBF"
                "data: b\n\n"),
     "|a\n-\n"                                                                                       },
    {SLICE_INIT("\xEF\xBB\xBF\n\ndata: a\n\n"),                         "-\n-\n|a\n"                 },
    {SLICE_INIT("\xEF\xBB"
                "data: a\n\n"),
     "-\n"                                                                                           },
    {SLICE_INIT("\xEF\xBB\xBF\xEF\xBB\xBF"
                "data: a\n\n"),
     "-\n"                                                                                           },
    {SLICE_INIT("data: a:b: c\n\n"),                                    "|a:b: c\n"                  },
    {SLICE_INIT("data: \xE4\xBD\xA0\xE5\xA5\xBD\n\n"),                  "|\xE4\xBD\xA0\xE5\xA5\xBD\n"},
    {SLICE_INIT("data: a\n\ndata: b"),                                  "|a\n|b\n"                   },
    {SLICE_INIT("data: a\n\ndata: b\n"),                                "|a\n|b\n"                   },
    {SLICE_INIT("data: a\n\ndata: b\r"),                                "|a\n|b\n"                   },
    {SLICE_INIT("data: a\n\n: nothing more"),                           "|a\n"                       },
    {SLICE_INIT("data: a"),                                             "|a\n"                       },
    {SLICE_INIT(""),                                                    ""                           },
};

/* the LF of a CRLF that was cut belongs to the next frame's bytes, and is no frame of its own */
static void check(struct slice stream, const char *frames, const struct record *r)
{
    assert_true(slice_eq(buf_slice(&r->raw), stream));
    assert_int_equal(r->text.len, strlen(frames));
    assert_true(slice_eq(buf_slice(&r->text), slice_str(frames)));
}

static void a_stream_in_one_piece(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sse s;
        struct record r;
        sse_init(&s, MAX_FRAME);
        record_init(&r);
        assert_int_equal(feed(&s, cases[i].stream, &r), 0);
        finish(&s, &r);
        check(cases[i].stream, cases[i].frames, &r);
        record_free(&r);
        sse_free(&s);
    }
}

static void a_stream_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice all = cases[i].stream;
        for (size_t at = 0; at <= all.len; at++) {
            struct sse s;
            struct record r;
            sse_init(&s, MAX_FRAME);
            record_init(&r);
            assert_int_equal(feed(&s, slice_sub(all, 0, at), &r), 0);
            assert_int_equal(feed(&s, slice_sub(all, at, all.len), &r), 0);
            finish(&s, &r);
            check(all, cases[i].frames, &r);
            record_free(&r);
            sse_free(&s);
        }
    }
}

static void a_stream_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice all = cases[i].stream;
        struct sse s;
        struct record r;
        sse_init(&s, MAX_FRAME);
        record_init(&r);
        for (size_t at = 0; at < all.len; at++)
            assert_int_equal(feed(&s, slice_sub(all, at, at + 1), &r), 0);
        finish(&s, &r);
        check(all, cases[i].frames, &r);
        record_free(&r);
        sse_free(&s);
    }
}

static void a_whole_frame_is_not_copied(void **state)
{
    (void)state;
    struct sse s;
    struct sse_frame f;
    struct slice all = SLICE("event: e\ndata: one\n\ndata: two\n\n"), input = all;
    sse_init(&s, 100);
    alloc_fail_at(1);
    assert_int_equal(sse_next(&s, &input, &f), 1);
    assert_ptr_equal(f.raw.at, all.at);
    assert_ptr_equal(f.name.at, all.at + 7);
    assert_ptr_equal(f.data.at, all.at + 15);
    assert_int_equal(sse_next(&s, &input, &f), 1);
    assert_ptr_equal(f.data.at, all.at + 26);
    assert_int_equal(sse_next(&s, &input, &f), 0);
    assert_int_equal(sse_end(&s, &f), 0);
    assert_int_equal(f.raw.len, 0);
    assert_false(alloc_fail_hit());
    sse_free(&s);
}

static void a_blank_line_that_ends_in_cr_does_not_wait(void **state)
{
    (void)state;
    struct sse s;
    struct sse_frame f;
    sse_init(&s, 100);
    struct slice input = SLICE("data: a\r\n\r");
    assert_int_equal(sse_next(&s, &input, &f), 1);
    assert_true(slice_eq(f.data, SLICE("a")));
    input = SLICE("\ndata: b\r\n\r\n");
    assert_int_equal(sse_next(&s, &input, &f), 1);
    assert_true(slice_eq(f.raw, SLICE("\ndata: b\r\n\r\n")));
    assert_true(slice_eq(f.data, SLICE("b")));
    assert_int_equal(sse_end(&s, &f), 0);
    sse_free(&s);
}

/* the limit is the same however the frame comes */
static void a_frame_over_the_limit_is_an_error(void **state)
{
    (void)state;
    struct slice frame = SLICE("data: 0123456789\n\n");
    for (size_t at = 0; at <= frame.len; at++) {
        for (int over = 0; over <= 1; over++) {
            struct sse s;
            struct record r;
            record_init(&r);
            sse_init(&s, frame.len - (size_t)over);
            int rc = feed(&s, slice_sub(frame, 0, at), &r);
            if (rc == 0)
                rc = feed(&s, slice_sub(frame, at, frame.len), &r);
            assert_int_equal(rc, over ? -EMSGSIZE : 0);
            if (over)
                assert_int_equal(feed(&s, SLICE("data: x\n\n"), &r), -EMSGSIZE);
            record_free(&r);
            sse_free(&s);
        }
    }
}

static void an_endless_line_is_an_error(void **state)
{
    (void)state;
    struct sse s;
    struct record r;
    char piece[1000];
    int rc = 0;
    memset(piece, 'x', sizeof(piece));
    sse_init(&s, 50000);
    record_init(&r);
    for (int i = 0; i < 50; i++)
        assert_int_equal(feed(&s, slice_of(piece, sizeof(piece)), &r), 0);
    rc = feed(&s, slice_of(piece, 1), &r);
    assert_int_equal(rc, -EMSGSIZE);
    record_free(&r);
    sse_free(&s);
}

static void a_large_frame_gives_its_memory_back(void **state)
{
    (void)state;
    struct sse s;
    struct record r;
    static char big[100000];
    memset(big, 'x', sizeof(big));
    sse_init(&s, MAX_FRAME);
    record_init(&r);
    assert_int_equal(feed(&s, SLICE("data: "), &r), 0);
    assert_int_equal(feed(&s, slice_of(big, sizeof(big)), &r), 0);
    assert_int_equal(feed(&s, SLICE("\n\n"), &r), 0);
    assert_int_equal(feed(&s, SLICE("data: a"), &r), 0);
    assert_true(s.held.cap <= 4096);
    record_free(&r);
    sse_free(&s);
}

/* a split frame and one with several data lines need memory */
static int run_stream(struct sse *s)
{
    struct slice pieces[] = {SLICE("data: a\ndata: b\n\nda"), SLICE("ta: c\ndata: d\n\n")};
    struct sse_frame f;
    int frames = 0;

    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        int rc;
        while ((rc = sse_next(s, &pieces[i], &f)) == 1)
            frames++;
        if (rc < 0)
            return rc;
    }
    return frames;
}

static void failing_allocations_are_told(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct sse s;
        sse_init(&s, MAX_FRAME);
        alloc_fail_at(n);
        int rc = run_stream(&s);
        bool hit = alloc_fail_hit();
        assert_int_equal(rc, hit ? -ENOMEM : 2);
        sse_free(&s);
        if (!hit) {
            assert_true(n > 2);
            break;
        }
    }
    struct sse s;
    struct sse_frame f;
    struct slice input = SLICE("data: a\ndata: b");
    sse_init(&s, MAX_FRAME);
    assert_int_equal(sse_next(&s, &input, &f), 0);
    alloc_fail_at(1);
    assert_int_equal(sse_end(&s, &f), -ENOMEM);
    assert_true(alloc_fail_hit());
    sse_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_in_one_piece),
        cmocka_unit_test(a_stream_cut_at_every_byte),
        cmocka_unit_test(a_stream_byte_by_byte),
        cmocka_unit_test(a_whole_frame_is_not_copied),
        cmocka_unit_test(a_blank_line_that_ends_in_cr_does_not_wait),
        cmocka_unit_test(a_frame_over_the_limit_is_an_error),
        cmocka_unit_test(an_endless_line_is_an_error),
        cmocka_unit_test(a_large_frame_gives_its_memory_back),
        cmocka_unit_test(failing_allocations_are_told),
    };
    return cmocka_run_group_tests_name("sse", tests, NULL, NULL);
}
