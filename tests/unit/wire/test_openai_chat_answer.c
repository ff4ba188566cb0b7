/* test_openai_chat_answer.c: usage of buffered answers, and the chunks of streams. */

#include "wire/openai_chat.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define ANSWER(usage) "{\"id\":\"x\",\"choices\":[{\"index\":0,\"message\":{}}]" usage "}"

static struct usage usage_of(const char *body)
{
    struct reply reply;

    assert_int_equal(openai_chat_read_reply(slice_str(body), &reply), OK);
    assert_ptr_equal(reply.body.at, body);
    return reply.usage;
}

static void assert_usage(struct usage u, uint64_t input, uint64_t cached, uint64_t output,
                         uint64_t reasoning)
{
    assert_int_equal(u.source, USAGE_PROVIDER);
    assert_int_equal(u.input, input);
    assert_int_equal(u.cached_read, cached);
    assert_int_equal(u.output, output);
    assert_int_equal(u.reasoning, reasoning);
}

static void counters_are_disjoint(void **state)
{
    (void)state;
    assert_usage(usage_of(ANSWER(",\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":7,"
                                 "\"prompt_tokens_details\":{\"cached_tokens\":4},"
                                 "\"completion_tokens_details\":{\"reasoning_tokens\":3}}")),
                 6, 4, 4, 3);
    assert_usage(
        usage_of(ANSWER(",\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":7,"
                        "\"prompt_tokens_details\":null,\"completion_tokens_details\":{}}")),
        10, 0, 7, 0);
}

static void more_cached_than_prompted_never_goes_below_zero(void **state)
{
    (void)state;
    assert_usage(usage_of(ANSWER(",\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2,"
                                 "\"prompt_tokens_details\":{\"cached_tokens\":40},"
                                 "\"completion_tokens_details\":{\"reasoning_tokens\":3}}")),
                 0, 10, 0, 2);
}

static void zero_is_a_value_and_null_is_none(void **state)
{
    (void)state;
    assert_usage(usage_of(ANSWER(",\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0}")), 0, 0,
                 0, 0);
    assert_int_equal(usage_of(ANSWER(",\"usage\":null")).source, USAGE_NONE);
    assert_int_equal(usage_of(ANSWER(",\"usage\":{}")).source, USAGE_NONE);
    assert_int_equal(usage_of(ANSWER("")).source, USAGE_NONE);
}

static void absurd_counts_are_capped(void **state)
{
    struct usage u = usage_of(ANSWER(",\"usage\":{\"prompt_tokens\":18446744073709551615,"
                                     "\"completion_tokens\":99999999999999999999}"));

    (void)state;
    assert_true(usage_prompt(&u) <= UINT64_C(1) << 53);
    assert_int_equal(usage_completion(&u), 0); /* out of range: no count */
}

static void what_is_no_answer(void **state)
{
    static const struct {
        const char *body;
        int rc;
    } table[] = {
        {"",                                         -EBADMSG},
        {"null",                                     -EBADMSG},
        {"[]",                                       -EBADMSG},
        {"<html>",                                   -EBADMSG},
        {"{\"choices\":[",                           -EBADMSG},
        {"{\"error\":{\"message\":\"m\"}}",          -EPROTO },
        {"{\"error\":\"text\"}",                     -EPROTO },
        {"{\"object\":\"error\",\"message\":\"m\"}", -EPROTO },
        {"[{\"error\":{\"code\":500}}]",             -EPROTO },
        {ANSWER(",\"error\":{\"code\":502}"),        -EPROTO },
        {ANSWER(",\"error\":null"),                  OK      },
        {"\r\n\n \t{\"choices\":[]}\n",              OK      },
        {"{}",                                       OK      },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct reply reply;
        int rc = openai_chat_read_reply(slice_str(table[i].body), &reply);
        if (rc != table[i].rc)
            fail_msg("%s: %d", table[i].body, rc);
    }
}

/* Reads a chunk in a stream of which content has, or has not, been seen. */
static struct event event_of(const char *json, bool content_seen)
{
    struct openai_chat_stream s = {.content_seen = content_seen, .seen = 1};
    struct event e;
    size_t n = strlen(json);
    char *exact = malloc(n ? n : 1);

    memcpy(exact, json, n);
    assert_int_equal(openai_chat_read_event(&s, slice_of(exact, n), &e), OK);
    free(exact);
    return e;
}

#define DELTA(members)                                                                             \
    "{\"choices\":[{\"index\":0,\"delta\":{" members "},\"finish_reason\":null}]}"

/* The glance and the parse agree on every kind of chunk. */
static void marks_of_chunks(void **state)
{
    static const struct {
        const char *json;
        unsigned marks;
    } table[] = {
        {DELTA("\"content\":\"a\""),                                                           EVENT_CONTENT                             },
        {DELTA("\"content\" : \"a\""),                                                         EVENT_CONTENT                             },
        {DELTA("\"content\":[{\"type\":\"thinking\"}]"),                                       EVENT_CONTENT                             },
        {DELTA("\"refusal\":\"a\""),                                                           EVENT_CONTENT                             },
        {DELTA("\"reasoning\":\"a\""),                                                         EVENT_CONTENT                             },
        {DELTA("\"reasoning_content\":\"a\""),                                                 EVENT_CONTENT                             },
        {DELTA("\"tool_calls\":[{\"index\":0}]"),                                              EVENT_CONTENT                             },
        {DELTA("\"function_call\":{\"name\":\"f\"}"),                                          EVENT_CONTENT                             },
        {DELTA("\"audio\":{\"id\":\"a\"}"),                                                    EVENT_CONTENT                             },
        {DELTA("\"content\":\"\\\"usage\\\":{}\""),                                            EVENT_CONTENT                             },
        {DELTA("\"content\":\"\\\\\""),                                                        EVENT_CONTENT                             },
        {DELTA("\"content\":\"usage\""),                                                       EVENT_CONTENT                             },
        {DELTA("\"role\":\"assistant\",\"content\":\"\",\"refusal\":null"),                    0                                         },
        {DELTA("\"role\":\"assistant\",\"content\":null,\"tool_calls\":[]"),                   0                                         },
        {DELTA("\"role\":\"content\""),                                                        0                                         },
        {DELTA(""),                                                                            0                                         },
        {DELTA("\"content\":\"a\"},\"logprobs\":{\"content\":[{\"token\":\"a\"}]"),            EVENT_CONTENT                             },
        {"{\"choices\":[]}",                                                                   0                                         },
        {"{\"choices\":[],\"usage\":null}",                                                    0                                         },
        {"{\"choices\":[],\"usage\":{}}",                                                      0                                         },
        {"{}",                                                                                 0                                         },
        {"",                                                                                   0                                         },
        {"  ",                                                                                 0                                         },
        {"[DONE]",                                                                             EVENT_DONE                                },
        {" [DONE] ",                                                                           EVENT_DONE                                },
        {"{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",                          EVENT_FINISH                              },
        {"{\"choices\":[{\"delta\":{},\"finish_reason\":\"\"}]}",                              0                                         },
        {"{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"length\"}]}",
         EVENT_CONTENT | EVENT_FINISH                                                                                                    },
        {"{\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}",
         EVENT_USAGE | EVENT_USAGE_ONLY                                                                                                  },
        {"{\"choices\":[],\"usage\":{\"prompt_tokens\":1},\"prompt_filter_results\":[{}]}",
         EVENT_USAGE                                                                                                                     },
        {"{\"choices\":[],\"usage\":{\"prompt_tokens\":1},\"prompt_filter_results\":[]}",
         EVENT_USAGE | EVENT_USAGE_ONLY                                                                                                  },
        {"{\"usage\":{\"prompt_tokens\":1}}",                                                  EVENT_USAGE                               },
        {"{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\" :\n{\"prompt_tokens\":1}}",
         EVENT_CONTENT | EVENT_USAGE                                                                                                     },
        {"{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}],"
         "\"usage\":{\"prompt_tokens\":1}}",                                          EVENT_CONTENT | EVENT_FINISH | EVENT_USAGE},
        {"{\"error\":{\"message\":\"m\",\"type\":\"server_error\"}}",                          EVENT_ERROR                               },
        {"{\"error\":\"text\"}",                                                               EVENT_ERROR                               },
        {"[{\"error\":{\"code\":503}}]",                                                       EVENT_ERROR                               },
        {"{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"error\"}]}",
         EVENT_CONTENT | EVENT_ERROR                                                                                                     },
        {"{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"error\":{\"code\":502}}",
         EVENT_CONTENT | EVENT_ERROR                                                                                                     },
        {"{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"error\":null}",                     EVENT_CONTENT                             },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        for (int seen = 0; seen < 2; seen++) {
            struct event e = event_of(table[i].json, seen);
            if (e.marks != table[i].marks)
                fail_msg("%s (content seen %d): marks %u", table[i].json, seen, e.marks);
            assert_int_equal(e.output_deltas, (e.marks & EVENT_CONTENT) != 0);
        }
    }
}

/* The glance looks at 16 bytes at a time: every place of a name in a block must do. */
static void marks_do_not_depend_on_alignment(void **state)
{
    (void)state;
    for (int pad = 0; pad < 40; pad++) {
        char json[256];
        int n = snprintf(json, sizeof(json),
                         "{\"id\":\"%.*s\",\"choices\":[{\"delta\":{\"content\":\"a\"}}],"
                         "\"usage\":{\"prompt_tokens\":%d}}",
                         pad, "0123456789012345678901234567890123456789", pad);
        assert_true(n > 0);
        struct event e = event_of(json, true);
        assert_int_equal(e.marks, EVENT_CONTENT | EVENT_USAGE);
        assert_int_equal(e.usage.input, pad);
        memcpy(strstr(json, "usage"), "other", 5);
        assert_int_equal(event_of(json, true).marks, EVENT_CONTENT);
    }
}

/* The text of a frame, when it is wanted; with its quotes. */
static void text_of_chunks(void **state)
{
#define TWO(a, b) "{\"choices\":[{\"index\":0,\"delta\":{" a "}},{\"index\":1,\"delta\":{" b "}}]}"
    static const struct {
        const char *json, *text;
    } table[] = {
        {DELTA("\"content\":\"a\""),                                        "\"a\""          },
        {DELTA("\"role\":\"assistant\",\"content\" : \"\\u00e9\\\"\""),     "\"\\u00e9\\\"\""},
        {DELTA("\"content\":\"a\",\"refusal\":null,\"tool_calls\":[]"),     "\"a\""          },
        {DELTA("\"content\":\"a\",\"reasoning\":\"\""),                     "\"a\""          },
        {"{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}",                 "\"a\""          },
        {"{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}],"
         "\"usage\":{\"prompt_tokens\":1}}",                       "\"a\""          },
        {DELTA("\"content\":\"\""),                                         ""               },
        {DELTA("\"content\":null"),                                         ""               },
        {DELTA("\"content\":[{\"type\":\"thinking\"}]"),                    ""               },
        {DELTA("\"content\":\"a\",\"reasoning_content\":\"b\""),            ""               },
        {DELTA("\"content\":\"a\",\"tool_calls\":[{\"index\":0}]"),         ""               },
        {DELTA("\"content\":\"a\",\"refusal\":\"b\""),                      ""               },
        {DELTA("\"refusal\":\"a\""),                                        ""               },
        {DELTA("\"reasoning_content\":\"a\""),                              ""               },
        {"{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"a\"}}]}",     ""               },
        {"{\"choices\":[{\"index\":99,\"delta\":{\"content\":\"a\"}}]}",    ""               },
        {"{\"choices\":[{\"index\":\"0\",\"delta\":{\"content\":\"a\"}}]}", ""               },
        {TWO("\"content\":\"a\"",                                           ""),               ""},
        {TWO("",                                                                 "\"content\":\"a\""),                                                                             ""},
        {"{\"choices\":[]}",                                                               ""   },
        {"[DONE]", ""              },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        for (int wanted = 0; wanted < 2; wanted++) {
            struct openai_chat_stream s = {.wants_text = wanted, .content_seen = true};
            struct event e;
            assert_int_equal(openai_chat_read_event(&s, slice_str(table[i].json), &e), OK);
            assert_int_equal(e.marks, event_of(table[i].json, true).marks);
            if (wanted && !slice_eq(e.text, slice_str(table[i].text)))
                fail_msg("%s: %.*s", table[i].json, SLICE_FMT(e.text));
        }
    }
}

/* Wanted text is never told from a glance. */
static void wanted_text_is_validated(void **state)
{
    struct openai_chat_stream s = {.wants_text = true, .content_seen = true};
    struct event e;

    (void)state;
    assert_int_equal(
        openai_chat_read_event(&s, SLICE("{\"choices\":[{\"delta\":{\"content\":\"a\"},}]}"), &e),
        -EBADMSG);
}

static void malformed_chunks(void **state)
{
    static const char *const table[] = {
        "{\"choices\":[{\"delta\":{\"content\":\"hel",
        "{bad}",
        "hello",
        "7",
        "[]",
        "{} {}",
        "{\"choices\":[7]}",
        "[DONE",
        "{\"choices\":[{\"delta\":{\"role\":\"a\",}}]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        for (int seen = 0; seen < 2; seen++) {
            struct openai_chat_stream s = {.content_seen = seen};
            struct event e;
            if (openai_chat_read_event(&s, slice_str(table[i]), &e) != -EBADMSG)
                fail_msg("accepted: %s", table[i]);
        }
    }
}

static void the_answer_is_finished_when_every_choice_is(void **state)
{
    struct openai_chat_stream s = {0};
    struct event e;

    (void)state;
    openai_chat_read_event(&s,
                           SLICE("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}},"
                                 "{\"index\":1,\"delta\":{\"content\":\"b\"}}]}"),
                           &e);
    assert_int_equal(e.output_deltas, 2);
    openai_chat_read_event(&s, SLICE("{\"choices\":[{\"index\":1,\"finish_reason\":\"stop\"}]}"),
                           &e);
    assert_int_equal(e.marks, 0);
    openai_chat_read_event(&s, SLICE("{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}]}"),
                           &e);
    assert_int_equal(e.marks, EVENT_FINISH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_disjoint),
        cmocka_unit_test(more_cached_than_prompted_never_goes_below_zero),
        cmocka_unit_test(zero_is_a_value_and_null_is_none),
        cmocka_unit_test(absurd_counts_are_capped),
        cmocka_unit_test(what_is_no_answer),
        cmocka_unit_test(marks_of_chunks),
        cmocka_unit_test(marks_do_not_depend_on_alignment),
        cmocka_unit_test(text_of_chunks),
        cmocka_unit_test(wanted_text_is_validated),
        cmocka_unit_test(malformed_chunks),
        cmocka_unit_test(the_answer_is_finished_when_every_choice_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
