/* test_anthropic_answer.c: what the answers of Anthropic's dialect mean to whom they pass by, and
 * that a glance at an event says what reading it says. What they mean in another dialect is shown
 * by the fixtures of tests/adapter. */

#include "wire/anthropic_answer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define DELTA(inside) "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{" inside "}}"

static struct event event_of(const char *name, const char *json, bool content_seen)
{
    struct anthropic_stream s = {.content_seen = content_seen};
    struct event e;

    assert_int_equal(anthropic_read_event(&s, slice_str(name), slice_str(json), &e), OK);
    return e;
}

static void a_glance_says_what_reading_says(void **state)
{
    static const char *const deltas[] = {
        DELTA("\"type\":\"text_delta\",\"text\":\"Hi\""),
        DELTA("\"type\":\"text_delta\",\"text\":\"\\\"\\\"}}\""),
        DELTA("\"type\":\"text_delta\",\"text\":\"\""),
        DELTA("\"type\":\"input_json_delta\",\"partial_json\":\"\""),
        DELTA("\"type\":\"input_json_delta\",\"partial_json\":\"{}\""),
        DELTA("\"type\":\"thinking_delta\",\"thinking\":\"Hm\""),
        DELTA("\"type\":\"signature_delta\",\"signature\":\"c2ln\""),
        DELTA("\"type\":\"citations_delta\",\"citation\":{\"a\":1}"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(deltas); i++) {
        struct event read = event_of("content_block_delta", deltas[i], false);
        struct event glanced = event_of("content_block_delta", deltas[i], true);
        assert_int_equal(read.marks, glanced.marks);
        assert_int_equal(read.output_deltas, glanced.output_deltas);
    }
}

static void blocks_that_are_content(void **state)
{
    static const struct {
        const char *block;
        unsigned marks;
    } table[] = {
        {"{\"type\":\"text\",\"text\":\"\"}",                   0            },
        {"{\"type\":\"text\",\"text\":\"a\"}",                  EVENT_CONTENT},
        {"{\"type\":\"thinking\",\"thinking\":\"\"}",           0            },
        {"{\"type\":\"redacted_thinking\",\"data\":\"x\"}",     EVENT_CONTENT},
        {"{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\"}", EVENT_CONTENT},
        {"{\"type\":\"server_tool_use\",\"id\":\"t\"}",         EVENT_CONTENT},
        {"{}",                                                  EVENT_CONTENT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char json[256];
        snprintf(json, sizeof(json), "{\"type\":\"content_block_start\",\"content_block\":%s}",
                 table[i].block);
        assert_int_equal(event_of("content_block_start", json, false).marks, table[i].marks);
    }
}

static void events_that_are_no_good(void **state)
{
    static const char *const bad[] = {
        "{",
        "[]",
        "3",
        "{\"type\":\"message_start\"}",
        "{\"type\":\"content_block_start\",\"index\":0}",
        "{\"type\":\"content_block_delta\",\"delta\":3}",
        "{\"type\":\"message_start\",\"message\":{\"id\":1,\"id\":2}}",
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":1,\"stop_reason\":2}}",
        DELTA("\"text\":\"a\",\"text\":\"b\""),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct anthropic_stream s = {.content_seen = false};
        struct event e;
        assert_int_equal(anthropic_read_event(&s, SLICE("x"), slice_str(bad[i]), &e), -EBADMSG);
    }
}

static void errors_in_a_stream(void **state)
{
    static const struct {
        const char *name, *json;
        enum fault_kind kind;
        int status;
    } table[] = {
        {"error", "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}",
         FAULT_UPSTREAM_OVERLOADED,                                                                        0  },
        {"error", "gone",                                                            FAULT_UPSTREAM_ERROR, 0  },
        {"",      "{\"type\":\"error\",\"error\":{\"type\":\"api_error\"}}",         FAULT_UPSTREAM_ERROR, 0  },
        {"",      "{\"error\":{\"message\":\"of another dialect\"}}",                FAULT_UPSTREAM_ERROR, 0  },
        {"",      "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\"}}",
         FAULT_UPSTREAM_RATE_LIMIT,                                                                        0  },
        {"",      "{\"type\":\"error\",\"error\":{\"type\":\"request_too_large\"}}",
         FAULT_UPSTREAM_REFUSED,                                                                           413},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct event e = event_of(table[i].name, table[i].json, true);
        assert_int_equal(e.marks, EVENT_ERROR);
        assert_int_equal(e.fault.kind, table[i].kind);
        assert_int_equal(e.fault.upstream_status, table[i].status);
    }
}

static void text_is_told_to_who_wants_it(void **state)
{
    struct anthropic_stream s = {.wants_text = true, .content_seen = true};
    struct event e;

    (void)state;
    anthropic_read_event(&s, SLICE("content_block_delta"),
                         SLICE(DELTA("\"type\":\"text_delta\",\"text\":\"H\\n\"")), &e);
    assert_true(slice_eq(e.text, SLICE("\"H\\n\"")));
    anthropic_read_event(&s, SLICE("content_block_delta"),
                         SLICE(DELTA("\"type\":\"thinking_delta\",\"thinking\":\"H\"")), &e);
    assert_int_equal(e.marks, EVENT_CONTENT);
    assert_true(slice_is_empty(e.text));
}

static void usage_is_set_and_not_added(void **state)
{
    static const char start[] =
        "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5,"
        "\"cache_read_input_tokens\":7,\"output_tokens\":1}}}";
    static const char end[] =
        "{\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":9,"
        "\"cache_creation_input_tokens\":null}}";
    struct anthropic_stream s = {.content_seen = false};
    struct event e;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        anthropic_read_event(&s, SLICE(""), slice_str(start), &e);
        assert_int_equal(e.marks, EVENT_USAGE);
        anthropic_read_event(&s, SLICE(""), slice_str(end), &e);
        assert_int_equal(usage_prompt(&e.usage), 12);
        assert_int_equal(e.usage.output, 9);
        assert_int_equal(e.usage.source, USAGE_PROVIDER);
    }
}

#define FRAME_OF(index, text)                                                                      \
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":" index         \
    ",\"delta\":{\"type\":\"text_delta\",\"text\":\"" text "\"}}\n\n"
#define FRAME(text) FRAME_OF("0", text)

static void events_alike_are_taken_at_once(void **state)
{
    static const char rest[] = FRAME("b") FRAME("\\\"}}") FRAME("é");
    static const char *const others[] = {
        FRAME(""),
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "event: error\ndata: {\"type\":\"error\",\"error\":{}}\n\n",
        FRAME_OF("1", "b"),
    };
    uint64_t frames;

    (void)state;
    assert_int_equal(anthropic_alike(SLICE(FRAME("a")), slice_str(rest), &frames),
                     sizeof(rest) - 1);
    assert_int_equal(frames, 3);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(anthropic_alike(SLICE(FRAME("a")), slice_str(others[i]), &frames), 0);
    for (size_t cut = 0; cut < sizeof(FRAME("b")) - 1; cut++) {
        char *exact = malloc(cut + 1); /* a byte too far would be seen */
        memcpy(exact, rest, cut);
        assert_int_equal(anthropic_alike(SLICE(FRAME("a")), slice_of(exact, cut), &frames), 0);
        free(exact);
    }
}

static void buffered_answers(void **state)
{
    static const struct {
        const char *body;
        int rc;
    } table[] = {
        {"{\"content\":[]}",                                OK      },
        {"{\"content\":[],\"error\":{\"type\":\"x\"}}",     OK      },
        {"{\"type\":\"error\",\"error\":{\"type\":\"x\"}}", -EPROTO },
        {"{\"error\":\"text\"}",                            OK      },
        {"",                                                -EBADMSG},
        {"null",                                            -EBADMSG},
        {"{\"content\":[",                                  -EBADMSG},
        {"{\"content\":[],\"content\":[]}",                 -EBADMSG},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct reply reply;
        assert_int_equal(anthropic_read_reply(slice_str(table[i].body), &reply), table[i].rc);
    }
}

static void buffered_answers_read_whole(void **state)
{
    static const struct {
        const char *body;
        int rc;
    } table[] = {
        {"{\"content\":[]}",                                OK      },
        {"{\"content\":\"text\"}",                          -EBADMSG},
        {"{\"content\":[3]}",                               -EBADMSG},
        {"{\"content\":[{\"text\":\"a\",\"text\":\"b\"}]}", -EBADMSG},
        {"{\"content\":[{\"type\":\"text\"}]}",             OK      },
        {"{\"content\":[{\"type\":\"\\ud800\"}]}",          OK      },
        {"{\"content\":[],}",                               -EBADMSG},
        {"{\"type\":\"error\",\"error\":{}}",               -EPROTO },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct answer answer;
        struct arena arena;
        arena_init(&arena, 0);
        assert_int_equal(anthropic_read_answer(slice_str(table[i].body), &arena, &answer),
                         table[i].rc);
        assert_int_equal(answer.blocks_len, 0);
        arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_glance_says_what_reading_says),
        cmocka_unit_test(blocks_that_are_content),
        cmocka_unit_test(events_that_are_no_good),
        cmocka_unit_test(errors_in_a_stream),
        cmocka_unit_test(text_is_told_to_who_wants_it),
        cmocka_unit_test(usage_is_set_and_not_added),
        cmocka_unit_test(events_alike_are_taken_at_once),
        cmocka_unit_test(buffered_answers),
        cmocka_unit_test(buffered_answers_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
