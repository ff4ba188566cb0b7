/* test_redact.c: what is taken out of a text, and what only looks like it. The cases stand in
 * redact/hits.txt and redact/misses.txt. */

#include "codec/redact.h"

#include "codec/json.h"
#include "support/alloc_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { LINE = 1024 };

static struct redactor *redactor;

static struct redactor *make(const struct slice *own, size_t n)
{
    char why[REDACT_WHY];
    struct redactor *r;

    if (redactor_new(own, n, why, &r) < 0)
        fail_msg("redactor_new: %s", why);
    return r;
}

static int set_up(void **state)
{
    (void)state;
    redactor = make(NULL, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redactor_free(redactor);
    return 0;
}

/* In an exactly sized allocation, so that a sanitizer sees each byte read past the end. */
static struct slice exactly(struct arena *a, struct slice s)
{
    char *at = malloc(s.len ? s.len : 1);

    assert_non_null(at);
    if (s.len)
        memcpy(at, s.at, s.len);
    assert_int_equal(arena_defer(a, free, at), OK);
    return slice_of(at, s.len);
}

static void check_becomes(const struct redactor *r, struct slice text, struct slice expected)
{
    struct arena a;
    struct slice is, again;

    arena_init(&a, 0);
    assert_int_equal(redact_text(r, exactly(&a, text), &a, &is), OK);
    if (!slice_eq(is, expected))
        fail_msg("\n  %.*s\n  became   %.*s\n  expected %.*s", SLICE_FMT(text), SLICE_FMT(is),
                 SLICE_FMT(expected));
    assert_int_equal(redact_text(r, is, &a, &again), OK);
    if (!slice_eq(again, is))
        fail_msg("a second time: %.*s became %.*s", SLICE_FMT(is), SLICE_FMT(again));
    arena_clear(&a);
}

static struct slice unescape(char *line)
{
    size_t n = 0;

    for (size_t i = 0; line[i] && line[i] != '\n'; i++) {
        bool escaped = line[i] == '\\' && (line[i + 1] == 'n' || line[i + 1] == 't');
        line[n++] = !escaped ? line[i] : line[++i] == 'n' ? '\n' : '\t';
    }
    return slice_of(line, n);
}

/* Calls check for each case of the file; returns how many there were. */
static unsigned each_case(const char *path, void (*check)(struct slice line))
{
    char line[LINE];
    unsigned n = 0;
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        check(unescape(line));
        n++;
    }
    fclose(f);
    return n;
}

static void check_hit(struct slice line)
{
    struct slice arrow = SLICE(" => ");
    size_t at = slice_find(line, arrow);

    assert_true(at < line.len);
    check_becomes(redactor, slice_sub(line, 0, at), slice_sub(line, at + arrow.len, line.len));
}

static void check_miss(struct slice line)
{
    check_becomes(redactor, line, line);
}

static void hits_are_taken_out(void **state)
{
    (void)state;
    assert_true(each_case("unit/codec/redact/hits.txt", check_hit) > 40);
}

static void near_misses_stay(void **state)
{
    (void)state;
    assert_true(each_case("unit/codec/redact/misses.txt", check_miss) > 50);
}

static void check_cut(struct slice line)
{
    struct arena a;
    struct slice is;

    arena_init(&a, 0);
    for (size_t n = 0; n <= line.len; n++)
        assert_int_equal(redact_text(redactor, exactly(&a, slice_sub(line, 0, n)), &a, &is), OK);
    arena_clear(&a);
}

static void a_text_may_end_anywhere(void **state)
{
    (void)state;
    each_case("unit/codec/redact/hits.txt", check_cut);
}

static void what_is_no_utf8_is_looked_through(void **state)
{
    (void)state;
    check_becomes(redactor, SLICE("\xff\xfe a@example.com \xe5\xbc"),
                  SLICE("\xff\xfe [EMAIL] \xe5\xbc"));
    check_becomes(redactor, SLICE("\x80\x80"), SLICE("\x80\x80"));
    check_becomes(redactor, SLICE("a\0b 203.0.113.7"), SLICE("a\0b [IP]"));
}

static void own_patterns_are_found(void **state)
{
    const struct slice own[] = {SLICE("EMP-[0-9]{4}"), SLICE("项目(?:甲|乙)")};
    struct redactor *r = make(own, ARRAY_LEN(own));

    (void)state;
    check_becomes(r, SLICE("ask EMP-0042 about 项目甲, a@example.com"),
                  SLICE("ask [REDACTED] about [REDACTED], [EMAIL]"));
    redactor_free(r);
}

/* Else what was put there would be found again for ever. */
static void a_pattern_leaves_alone_what_was_put_there(void **state)
{
    const struct slice own[] = {SLICE("[A-Z]{3,}")};
    struct redactor *r = make(own, 1);

    (void)state;
    check_becomes(r, SLICE("mail a@example.com to NASA"), SLICE("mail [EMAIL] to [REDACTED]"));
    redactor_free(r);
}

static void wrong_patterns_are_told(void **state)
{
    static const struct {
        struct slice pattern;
        const char *why;
    } cases[] = {
        {SLICE_INIT("(unclosed"), "pattern 1: missing closing parenthesis"},
        {SLICE_INIT(""),          "pattern 1: it must have 1 to"          },
        {SLICE_INIT("a*"),        "pattern 1: it matches the empty text"  },
        {SLICE_INIT("\xff"),      "pattern 1: UTF-8 error"                },
    };
    char why[REDACT_WHY];
    struct redactor *r;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(redactor_new(&cases[i].pattern, 1, why, &r), -EINVAL);
        assert_null(r);
        assert_true(slice_starts(slice_str(why), slice_str(cases[i].why)));
    }
    struct slice many[REDACT_OWN_MOST + 1];
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = SLICE("x");
    assert_int_equal(redactor_new(many, ARRAY_LEN(many), why, &r), -E2BIG);
}

/* Catastrophic backtracking ends at the limit, and then nothing of the text is kept. */
static void a_pattern_that_runs_away_takes_all(void **state)
{
    const struct slice own[] = {SLICE("(?:a+)+$")};
    struct redactor *r = make(own, 1);
    char text[64];

    (void)state;
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '!';
    check_becomes(r, slice_of(text, sizeof(text)), SLICE("[REDACTED]"));
    redactor_free(r);
}

/* --- JSON --- */

static void check_json(const char *text, const char *expected)
{
    struct arena a;
    struct slice is;
    struct json_error unused;

    arena_init(&a, 0);
    assert_int_equal(redact_json(redactor, exactly(&a, slice_str(text)), &a, &is), OK);
    if (!slice_eq(is, slice_str(expected)))
        fail_msg("%s became %.*s", text, SLICE_FMT(is));
    assert_true(json_is_valid(is, &unused));
    arena_clear(&a);
}

static void json_stays_json(void **state)
{
    (void)state;
    check_json("{\"a\":\"x\",\"n\":1.5e3,\"b\":[true,null]}",
               "{\"a\":\"x\",\"n\":1.5e3,\"b\":[true,null]}");
    check_json("{ \"to\" : \"a@example.com\" , \"k\":1}", "{ \"to\" : \"[EMAIL]\" , \"k\":1}");
    check_json("{\"phone\":13800138000}", "{\"phone\":\"[PHONE]\"}");
    check_json("{\"a@example.com\":1}", "{\"[EMAIL]\":1}");
    check_json("[\"\\u0031\\u0033800138000 \\\"\\n\"]", "[\"[PHONE] \\\"\\n\"]");
    check_json("{\"args\":\"{\\\"mail\\\":\\\"a@example.com\\\"}\"}",
               "{\"args\":\"{\\\"mail\\\":\\\"[EMAIL]\\\"}\"}");
    check_json("\"我的手机号是13800138000\"", "\"我的手机号是[PHONE]\"");
}

static void long_base64_is_left_out(void **state)
{
    char text[2100] = "{\"url\":\"data:image/png;base64,";
    size_t n = strlen(text);

    (void)state;
    memset(text + n, 'A', 1500);
    memcpy(text + n + 1500, "\"}", 3);
    check_json(text, "{\"url\":\"[BINARY]\"}");
    memset(text + n, ' ', 1500);
    check_json(text, text);
}

static void what_is_no_json_is_text(void **state)
{
    struct arena a;
    struct slice is;

    (void)state;
    arena_init(&a, 0);
    assert_int_equal(redact_json(redactor, SLICE("{\"to\":\"a@example.com\""), &a, &is), OK);
    assert_true(slice_eq(is, SLICE("{\"to\":\"[EMAIL]\"")));
    arena_clear(&a);
}

/* --- memory --- */

static int try_all(void)
{
    const struct slice own[] = {SLICE("EMP-[0-9]{4}")};
    char why[REDACT_WHY];
    struct redactor *r;
    struct arena a;
    struct slice is;

    int rc = redactor_new(own, 1, why, &r);
    if (rc < 0)
        return rc;
    arena_init(&a, 0);
    rc = redact_json(r, SLICE("[\"a@example.com EMP-1234\",13800138000]"), &a, &is);
    if (rc == OK)
        assert_true(slice_eq(is, SLICE("[\"[EMAIL] [REDACTED]\",\"[PHONE]\"]")));
    arena_clear(&a);
    redactor_free(r);
    return rc;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        alloc_fail_at(n);
        int rc = try_all();
        if (!alloc_fail_hit()) {
            assert_int_equal(rc, OK);
            break;
        }
        /* without executable memory a pattern is interpreted */
        assert_true(rc == OK || rc == -ENOMEM);
    }
    alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_are_taken_out),
        cmocka_unit_test(near_misses_stay),
        cmocka_unit_test(a_text_may_end_anywhere),
        cmocka_unit_test(what_is_no_utf8_is_looked_through),
        cmocka_unit_test(own_patterns_are_found),
        cmocka_unit_test(a_pattern_leaves_alone_what_was_put_there),
        cmocka_unit_test(wrong_patterns_are_told),
        cmocka_unit_test(a_pattern_that_runs_away_takes_all),
        cmocka_unit_test(json_stays_json),
        cmocka_unit_test(long_base64_is_left_out),
        cmocka_unit_test(what_is_no_json_is_text),
        cmocka_unit_test(each_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
