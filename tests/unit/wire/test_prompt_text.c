/* test_prompt_text.c: what is left of prompts and answers when they are to be stored. */

#include "wire/prompt_text.h"

#include "codec/json.h"
#include "support/alloc_fail.h"
#include "wire/stream_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct redactor *redactor;

static int set_up(void **state)
{
    char why[REDACT_WHY];

    (void)state;
    return redactor_new(NULL, 0, why, &redactor);
}

static int tear_down(void **state)
{
    (void)state;
    redactor_free(redactor);
    return 0;
}

static bool has(struct slice text, const char *what)
{
    return slice_find(text, slice_str(what)) < text.len;
}

static struct prompt redacted(const struct prompt *p, struct arena *a)
{
    struct prompt made = *p;

    assert_int_equal(prompt_text_make(redactor, &made, a), OK);
    return made;
}

static void a_buffered_call(void **state)
{
    const struct prompt p = {
        .mode = PROMPTS_REDACTED,
        .request = SLICE("{\"messages\":[{\"content\":\"mail ann\\u0040example.com\"}]}"),
        .answer = SLICE("{\"choices\":[{\"message\":{\"content\":\"13800138000\"}}]}"),
    };
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    struct prompt made = redacted(&p, &a);
    assert_true(slice_eq(made.request, SLICE("{\"messages\":[{\"content\":\"mail [EMAIL]\"}]}")));
    assert_true(
        slice_eq(made.answer, SLICE("{\"choices\":[{\"message\":{\"content\":\"[PHONE]\"}}]}")));
    arena_clear(&a);
}

static void in_full_it_stays(void **state)
{
    struct prompt p = {
        .mode = PROMPTS_FULL,
        .stream = true,
        .request = SLICE("{\"a\":\"ann@example.com\"}"),
        .answer = SLICE("data: 13800138000\n\n"),
    };
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    struct prompt made = redacted(&p, &a);
    assert_ptr_equal(made.request.at, p.request.at);
    assert_ptr_equal(made.answer.at, p.answer.at);
    arena_clear(&a);
}

static void what_no_database_takes(void **state)
{
    struct prompt p = {
        .mode = PROMPTS_FULL,
        .request = slice_of("a\0b\xff\xe4\xbd\xa0\xe4\xbd", 9),
        .answer = SLICE(""),
    };
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    struct prompt made = redacted(&p, &a);
    assert_true(slice_eq(made.request, SLICE("a?b?\xe4\xbd\xa0??")));
    arena_clear(&a);
}

/* Whatever of a cut text is kept, no half of an address is. */
static void a_cut_text_tells_no_half(void **state)
{
    char text[2048] = "{\"messages\":[{\"content\":\"";
    size_t n = strlen(text);
    struct arena a;

    (void)state;
    memset(text + n, 'x', 600);
    n += 600;
    memcpy(text + n, " wei.zhang\\u0040example.com ", 27);
    n += 27;
    for (size_t cut = n - 27; cut <= n; cut++) {
        const struct prompt p = {
            .mode = PROMPTS_REDACTED,
            .cut = PROMPT_REQUEST_CUT | PROMPT_ANSWER_CUT,
            .request = slice_of(text, cut),
            .answer = slice_of(text, cut),
        };
        arena_init(&a, 0);
        struct prompt made = redacted(&p, &a);
        assert_false(has(made.request, "wei"));
        assert_false(has(made.answer, "wei"));
        assert_true(has(made.request, "{\"messages\":[{\"content\":\"xxx"));
        arena_clear(&a);
    }
}

/* --- streams --- */

#define TEXT_OF_STREAM "ring 13800138000 or ann@example.com"

static const char chat_frame[] =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%.*s\"}}]}"
    "\n\n";
static const char messages_frame[] =
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
    "\"delta\":{\"type\":\"text_delta\",\"text\":\"%.*s\"}}\n\n";
static const char responses_frame[] =
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\","
    "\"output_index\":0,\"content_index\":0,\"delta\":\"%.*s\"}\n\n";
static const char arguments_frame[] =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,\"function\":"
    "{\"arguments\":\"%.*s\"}}]}}]}\n\n";
static const char thinking_frame[] =
    "data: {\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"thinking\":\"%.*s\"}}\n\n";

/* The text in two pieces, and in as many as it has bytes. */
static void check_pieces(const char *frame, const char *place, size_t cut)
{
    static const char text[] = TEXT_OF_STREAM;
    char stream[16384];
    size_t n = 0, len = strlen(text);
    char expected[256];
    struct arena a;

    for (size_t from = 0, to; from < len; from = to) {
        to = cut ? (from ? len : cut) : from + 1;
        n += (size_t)snprintf(stream + n, sizeof(stream) - n, frame, (int)(to - from), text + from);
    }
    snprintf(expected, sizeof(expected),
             "{\"stream\":[{\"at\":\"%s\",\"text\":\"ring [PHONE] or [EMAIL]\"}]}", place);
    const struct prompt p = {.mode = PROMPTS_REDACTED,
                             .stream = true,
                             .request = SLICE("{}"),
                             .answer = slice_of(stream, n)};
    arena_init(&a, 0);
    struct prompt made = redacted(&p, &a);
    if (!slice_eq(made.answer, slice_str(expected)))
        fail_msg("%.*s is not %s", SLICE_FMT(made.answer), expected);
    arena_clear(&a);
}

static void whatever_the_pieces(void **state)
{
    static const char *const frames[][2] = {
        {chat_frame,      "choices.0.delta.content"                        },
        {messages_frame,  "0.delta.text"                                   },
        {responses_frame, "0.0.delta"                                      },
        {arguments_frame, "choices.0.delta.tool_calls.1.function.arguments"},
        {thinking_frame,  "3.delta.thinking"                               },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(frames); i++)
        for (size_t cut = 0; cut < strlen(TEXT_OF_STREAM); cut++)
            check_pieces(frames[i][0], frames[i][1], cut);
}

static const char mixed[] =
    ": waiting\n\n"
    "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\\ud83d\"}},{\"index\":0,\"delta\":"
    "{\"reasoning_content\":\"think\"}}]}\n\n"
    "data: "
    "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"\\ude00\",\"secret_member\":\"s\"}}]}"
    "\n\ndata: {\"error\":{\"message\":\"it broke\"}}\n\ndata: [DONE]\n\ndata: {\"half\":";

static void places_are_kept_apart(void **state)
{
    struct slice joined;
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    assert_int_equal(stream_text_join(slice_str(mixed), &a, &joined), OK);
    assert_true(slice_eq(
        joined,
        SLICE("{\"stream\":[{\"at\":\"choices.1.delta.content\",\"text\":\"b\\ud83d\\ude00\"},"
              "{\"at\":\"choices.0.delta.reasoning_content\",\"text\":\"think\"},"
              "{\"at\":\"error.message\",\"text\":\"it broke\"}]}")));
    arena_clear(&a);
}

static void cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof(mixed); n++) {
        char *copy = malloc(n ? n : 1);
        struct json_error unused;
        struct slice joined;
        struct arena a;

        assert_non_null(copy);
        memcpy(copy, mixed, n);
        arena_init(&a, 0);
        assert_int_equal(stream_text_join(slice_of(copy, n), &a, &joined), OK);
        assert_true(json_is_valid(joined, &unused));
        arena_clear(&a);
        free(copy);
    }
}

/* Beyond the places there are, all is joined at the last: nothing is lost, and nothing is read or
 * written behind them. */
static void more_places_than_there_are(void **state)
{
    static char stream[64 * 1024];
    struct json_error unused;
    struct slice joined;
    size_t n = 0;
    struct arena a;

    (void)state;
    for (unsigned i = 0; i < 400; i++)
        n += (size_t)snprintf(stream + n, sizeof(stream) - n,
                              "data: {\"choices\":[{\"index\":%u,\"text\":\"<%u>\"}]}\n\n", i, i);
    arena_init(&a, 0);
    assert_int_equal(stream_text_join(slice_of(stream, n), &a, &joined), OK);
    assert_true(json_is_valid(joined, &unused));
    assert_true(has(joined, "<0>") && has(joined, "<398><399>"));
    arena_clear(&a);
}

static void without_memory_nothing_is_kept(void **state)
{
    const struct prompt p = {.mode = PROMPTS_REDACTED,
                             .stream = true,
                             .cut = PROMPT_REQUEST_CUT,
                             .request = SLICE("{\"a\":\"ann@example.com"),
                             .answer = slice_str(mixed)};

    (void)state;
    for (unsigned n = 1;; n++) {
        struct prompt made = p;
        struct arena a;
        arena_init(&a, 0);
        alloc_fail_at(n);
        int rc = prompt_text_make(redactor, &made, &a);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        arena_clear(&a);
        if (!hit) {
            assert_int_equal(rc, OK);
            return;
        }
        assert_true(rc == -ENOMEM || rc == OK); /* PCRE2 goes on without some of its memory */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffered_call),
        cmocka_unit_test(in_full_it_stays),
        cmocka_unit_test(what_no_database_takes),
        cmocka_unit_test(a_cut_text_tells_no_half),
        cmocka_unit_test(whatever_the_pieces),
        cmocka_unit_test(places_are_kept_apart),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(more_places_than_there_are),
        cmocka_unit_test(without_memory_nothing_is_kept),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
