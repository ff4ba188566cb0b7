/* test_rescue.c: an answer goes on elsewhere only where it begins with what the client has. */

#include "router/rescue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/alloc_fail.h"

#include <stdlib.h>

struct fixture {
    struct rescue rescue;
    struct buf client; /* the text that went out */
    enum rescue_step last;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    rescue_init(&f->rescue);
    buf_init(&f->client, 4 * RESCUE_MAX);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    rescue_free(&f->rescue);
    buf_free(&f->client);
    free(f);
    return 0;
}

static void begin_anew(struct fixture *f)
{
    rescue_free(&f->rescue);
    rescue_init(&f->rescue);
    buf_reset(&f->client);
}

/* --- pieces --- */

/* How a provider writes text: as it is, or every UTF-16 unit as an escape. */
enum manner { PLAIN, ESCAPED };

static size_t code_point(struct slice s, unsigned *ret)
{
    const unsigned char *p = (const unsigned char *)s.at;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;

    *ret = n == 1 ? p[0] : p[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        *ret = *ret << 6 | (p[i] & 0x3Fu);
    return n;
}

/* The text as a JSON string in an allocation of its exact size, so that a read past it is seen. */
static struct slice json_of(struct slice text, enum manner manner)
{
    struct buf out;
    unsigned c;

    buf_init(&out, 16 * RESCUE_MAX);
    buf_add_char(&out, '"');
    if (manner == PLAIN)
        buf_add_json(&out, text);
    while (manner == ESCAPED && text.len) {
        text = slice_sub(text, code_point(text, &c), text.len);
        if (c >= 0x10000)
            buf_printf(&out, "\\u%04x\\u%04X", 0xD800 + ((c - 0x10000) >> 10),
                       0xDC00 + ((c - 0x10000) & 0x3FF));
        else
            buf_printf(&out, "\\u%04x", c);
    }
    buf_add_char(&out, '"');
    char *exact = malloc(out.len);
    memcpy(exact, out.at, out.len);
    struct slice json = slice_of(exact, out.len);
    buf_free(&out);
    return json;
}

static void client_reads(struct fixture *f, struct slice json)
{
    char *text = malloc(json.len);
    struct json_value value = {.type = JSON_STRING, .text = json};

    assert_true(json_is_valid(json, &(struct json_error){0}));
    buf_add(&f->client, slice_of(text, json_decode(value, text)));
    free(text);
}

/* One piece as JSON; what of it goes out is read by the client. */
static enum rescue_step take(struct fixture *f, struct slice json)
{
    bool behind = rescue_is_behind(&f->rescue);

    f->last = rescue_take(&f->rescue, json);
    assert_false(behind && f->last == RESCUE_PASS);
    if (f->last == RESCUE_PASS)
        client_reads(f, json);
    if (f->last == RESCUE_SPLIT)
        client_reads(f, buf_slice(&f->rescue.rest));
    return f->last;
}

static enum rescue_step say(struct fixture *f, struct slice text, enum manner manner)
{
    struct slice json = json_of(text, manner);
    enum rescue_step step = take(f, json);

    free((void *)(uintptr_t)json.at);
    return step;
}

#define SAY(f, text) say((f), SLICE(text), PLAIN)

static void assert_client_has(struct fixture *f, struct slice text)
{
    if (!slice_eq(buf_slice(&f->client), text))
        fail_msg("the client has %.*s, should have %.*s", SLICE_FMT(buf_slice(&f->client)),
                 SLICE_FMT(text));
}

static bool is_boundary(struct slice s, size_t at)
{
    return at == s.len || ((unsigned char)s.at[at] & 0xC0) != 0x80;
}

/* --- continued --- */

static const struct slice whole = SLICE_INIT("a\"\\\n\x01/\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z");

/* text in two pieces, cut at `at`. */
static void say_cut(struct fixture *f, struct slice text, size_t at, enum manner manner)
{
    say(f, slice_sub(text, 0, at), manner);
    say(f, slice_sub(text, at, text.len), manner);
}

/* One answer broke off at `broke` and was cut there or before; the other is cut anywhere. */
static void continue_at(struct fixture *f, size_t broke, enum manner first, enum manner second)
{
    struct slice sent = slice_sub(whole, 0, broke);

    for (size_t i = 0; i <= broke; i++)
        for (size_t j = 0; j <= whole.len; j++) {
            if (!is_boundary(whole, i) || !is_boundary(whole, j))
                continue;
            begin_anew(f);
            say_cut(f, sent, i, first);
            assert_client_has(f, sent);
            rescue_begin(&f->rescue);
            assert_int_equal(rescue_is_behind(&f->rescue), broke > 0);
            say_cut(f, whole, j, second);
            assert_false(rescue_is_behind(&f->rescue));
            assert_client_has(f, whole);
        }
}

static void an_answer_goes_on_wherever_it_broke_and_however_it_is_cut(void **state)
{
    for (size_t broke = 0; broke <= whole.len; broke++) {
        if (!is_boundary(whole, broke))
            continue;
        continue_at(*state, broke, PLAIN, PLAIN);
        continue_at(*state, broke, PLAIN, ESCAPED);
        continue_at(*state, broke, ESCAPED, PLAIN);
        continue_at(*state, broke, ESCAPED, ESCAPED);
    }
}

static void every_step_is_told(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SAY(f, "Hello"), RESCUE_PASS);
    rescue_begin(&f->rescue);
    assert_int_equal(SAY(f, "He"), RESCUE_SKIP);
    assert_true(rescue_is_behind(&f->rescue));
    assert_int_equal(SAY(f, "llo, \"you\""), RESCUE_SPLIT);
    assert_true(slice_eq(buf_slice(&f->rescue.rest), SLICE("\", \\\"you\\\"\"")));
    assert_int_equal(SAY(f, "!"), RESCUE_PASS);
    assert_client_has(f, SLICE("Hello, \"you\"!"));
    assert_true(f->rescue.able);
}

static void what_ends_together_is_skipped(void **state)
{
    struct fixture *f = *state;

    SAY(f, "Hello");
    rescue_begin(&f->rescue);
    assert_int_equal(SAY(f, "Hello"), RESCUE_SKIP);
    assert_false(rescue_is_behind(&f->rescue));
    assert_int_equal(SAY(f, " you"), RESCUE_PASS);
    assert_client_has(f, SLICE("Hello you"));
}

/* The second target breaks off too: before it had said all, and behind that. */
static void a_rescue_may_be_rescued(void **state)
{
    struct fixture *f = *state;

    SAY(f, "one two");
    rescue_begin(&f->rescue);
    SAY(f, "one");
    rescue_begin(&f->rescue);
    SAY(f, "one two three");
    SAY(f, " four");
    rescue_begin(&f->rescue);
    assert_true(rescue_is_behind(&f->rescue));
    SAY(f, "one two three fo");
    assert_true(rescue_is_behind(&f->rescue));
    SAY(f, "ur five");
    assert_client_has(f, SLICE("one two three four five"));
}

static void before_anything_went_out_all_passes(void **state)
{
    struct fixture *f = *state;

    rescue_begin(&f->rescue);
    assert_false(rescue_is_behind(&f->rescue));
    assert_int_equal(SAY(f, "Hello"), RESCUE_PASS);
}

static void empty_text_is_harmless(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(SAY(f, ""), RESCUE_PASS);
    SAY(f, "Hello");
    assert_int_equal(SAY(f, ""), RESCUE_PASS);
    rescue_begin(&f->rescue);
    assert_int_equal(SAY(f, ""), RESCUE_SKIP);
    assert_true(rescue_is_behind(&f->rescue));
    assert_int_equal(SAY(f, "Hello you"), RESCUE_SPLIT);
    assert_int_equal(SAY(f, ""), RESCUE_PASS);
    assert_true(f->rescue.able);
    assert_client_has(f, SLICE("Hello you"));
}

/* --- not continued --- */

static void another_text_is_noticed_at_its_first_byte(void **state)
{
    static const char said[] = "Hello you";
    struct fixture *f = *state;

    for (size_t n = 0; n < sizeof(said) - 1; n++) {
        char other[] = "Hello you";
        other[n] = '#';
        begin_anew(f);
        SAY(f, "Hello you");
        rescue_begin(&f->rescue);
        assert_int_equal(say(f, slice_of(other, n), PLAIN), RESCUE_SKIP);
        assert_int_equal(say(f, slice_of(other + n, 1), ESCAPED), RESCUE_MISMATCH);
        assert_true(rescue_is_behind(&f->rescue));
        assert_client_has(f, slice_str(said));
    }
}

static void another_text_in_one_piece_sends_nothing(void **state)
{
    struct fixture *f = *state;

    SAY(f, "Hello you");
    rescue_begin(&f->rescue);
    assert_int_equal(SAY(f, "Hello You and more"), RESCUE_MISMATCH);
    assert_client_has(f, SLICE("Hello you"));
}

static void what_is_no_text_ends_the_hope(void **state)
{
    struct fixture *f = *state;

    SAY(f, "Hello");
    assert_int_equal(rescue_take(&f->rescue, (struct slice){0}), RESCUE_PASS);
    assert_false(f->rescue.able);
    assert_int_equal(SAY(f, " you"), RESCUE_PASS);
    assert_false(f->rescue.able);
    assert_int_equal(f->rescue.sent.len, 0); /* nothing is kept in vain */

    begin_anew(f);
    SAY(f, "Hello");
    rescue_begin(&f->rescue);
    assert_int_equal(take(f, (struct slice){0}), RESCUE_MISMATCH);
    assert_true(rescue_is_behind(&f->rescue));
    assert_client_has(f, SLICE("Hello"));
}

/* Halves of pairs: each decodes to the same U+FFFD, so none may pass for another. */
static void halves_of_surrogate_pairs_end_the_hope(void **state)
{
    static const char *const halves[] = {"\"\\uD83D\"",     "\"\\uDE00\"",
                                         "\"x\\ud83dx\"",   "\"\\ud83d\\u0041\"",
                                         "\"\\ud83d\\n\"",  "\"\\ud83d\\ud83d\"",
                                         "\"\\\\\\udbff\"", "\"\\ud83d\\\\ude00\"",
                                         "\"x\\uDFFF\"",    "\"\\uD83D\\uDE00\\uDE00\""};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(halves); i++) {
        begin_anew(f);
        assert_int_equal(take(f, slice_str(halves[i])), RESCUE_PASS);
        assert_false(f->rescue.able);
        begin_anew(f);
        SAY(f, "x\xEF\xBF\xBD");
        rescue_begin(&f->rescue);
        assert_int_equal(take(f, slice_str(halves[i])), RESCUE_MISMATCH);
    }
}

static void what_only_looks_like_a_half_is_text(void **state)
{
    static const char *const texts[] = {"\"\\\\ud83d\"", "\"\\uD83D\\uDE00\\\\\"", "\"\\ud7ff\"",
                                        "\"\\ue000\"",   "\"\\n\\\\uDE00\"",       "\"\\u0d83\""};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        begin_anew(f);
        assert_int_equal(take(f, slice_str(texts[i])), RESCUE_PASS);
        assert_true(f->rescue.able);
        rescue_begin(&f->rescue);
        assert_int_equal(take(f, slice_str(texts[i])), RESCUE_SKIP);
        assert_false(rescue_is_behind(&f->rescue));
    }
}

/* --- limits --- */

static enum rescue_step say_many(struct fixture *f, char c, size_t n)
{
    char *text = malloc(n);

    memset(text, c, n);
    enum rescue_step step = say(f, slice_of(text, n), PLAIN);
    free(text);
    return step;
}

static void more_than_is_kept_cannot_be_rescued(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(say_many(f, 'a', RESCUE_MAX), RESCUE_PASS);
    assert_true(f->rescue.able);
    assert_int_equal(SAY(f, "b"), RESCUE_PASS);
    assert_false(f->rescue.able);
    assert_int_equal(f->rescue.sent.cap, 0);
    assert_int_equal(f->client.len, RESCUE_MAX + 1);
}

static void a_rescue_may_grow_beyond_what_is_kept(void **state)
{
    struct fixture *f = *state;

    say_many(f, 'a', RESCUE_MAX - 1);
    rescue_begin(&f->rescue);
    assert_int_equal(say_many(f, 'a', RESCUE_MAX + 1), RESCUE_SPLIT);
    assert_false(f->rescue.able); /* this once, not again */
    assert_int_equal(SAY(f, "b"), RESCUE_PASS);
    assert_int_equal(f->client.len, RESCUE_MAX + 2);
}

static void a_rest_too_long_is_not_sent(void **state)
{
    struct fixture *f = *state;

    SAY(f, "\x01");
    rescue_begin(&f->rescue);
    assert_int_equal(say_many(f, '\x01', RESCUE_MAX), RESCUE_MISMATCH);
    assert_true(rescue_is_behind(&f->rescue));
    assert_int_equal(f->client.len, 1);
}

/* --- without memory --- */

/* A client that takes no memory: only the rescue's allocations are counted. */
struct reader {
    char text[64];
    size_t len;
};

static void reader_reads(struct reader *r, struct slice json)
{
    struct json_value value = {.type = JSON_STRING, .text = json};

    assert_true(r->len + json.len < sizeof(r->text));
    r->len += json_decode(value, r->text + r->len);
}

/* False: the answers cannot be joined. */
static bool reader_hears(struct reader *r, struct rescue *rescue, const char *const *pieces)
{
    for (; *pieces; pieces++) {
        bool behind = rescue_is_behind(rescue);
        enum rescue_step step = rescue_take(rescue, slice_str(*pieces));
        assert_false(behind && step == RESCUE_PASS);
        if (step == RESCUE_MISMATCH)
            return false;
        if (step != RESCUE_SKIP)
            reader_reads(r, step == RESCUE_PASS ? slice_str(*pieces) : buf_slice(&rescue->rest));
    }
    return true;
}

static void without_memory_nothing_is_sent_twice(void **state)
{
    static const char *const first[] = {"\"one \"", "\"\\u0074wo \"", "\"three\"", NULL};
    static const char *const second[] = {"\"one\"", "\"\\u0020two \"", "\"th\\u0072ee f\"",
                                         "\"\\u006fur\"", NULL};
    bool hit = true;

    (void)state;
    for (unsigned n = 1; hit; n++) {
        struct reader reader = {.len = 0};
        struct rescue rescue;
        rescue_init(&rescue);
        alloc_fail_at(n);
        assert_true(reader_hears(&reader, &rescue, first)); /* it goes out in any case */
        bool able = rescue.able, joined = false;
        if (able) {
            rescue_begin(&rescue);
            joined = reader_hears(&reader, &rescue, second);
        }
        hit = alloc_fail_hit();
        rescue_free(&rescue);
        reader.text[reader.len] = '\0';
        assert_string_equal(reader.text, joined ? "one two three four" : "one two three");
        assert_true(hit || joined);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_goes_on_wherever_it_broke_and_however_it_is_cut),
        TEST(every_step_is_told),
        TEST(what_ends_together_is_skipped),
        TEST(a_rescue_may_be_rescued),
        TEST(before_anything_went_out_all_passes),
        TEST(empty_text_is_harmless),
        TEST(another_text_is_noticed_at_its_first_byte),
        TEST(another_text_in_one_piece_sends_nothing),
        TEST(what_is_no_text_ends_the_hope),
        TEST(halves_of_surrogate_pairs_end_the_hope),
        TEST(what_only_looks_like_a_half_is_text),
        TEST(more_than_is_kept_cannot_be_rescued),
        TEST(a_rescue_may_grow_beyond_what_is_kept),
        TEST(a_rest_too_long_is_not_sent),
        cmocka_unit_test(without_memory_nothing_is_sent_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
