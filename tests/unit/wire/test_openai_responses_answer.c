/* test_openai_responses_answer.c: what the fixtures of tests/adapter cannot show of answers of
 * Responses and Embeddings: the text for who wants it, every spelling of an end, bodies cut short.
 */

#include "wire/openai_embeddings.h"
#include "wire/openai_responses.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static struct event event_of(const char *name, const char *frame, bool wants_text)
{
    struct openai_responses_stream s = {.wants_text = wants_text};
    struct event event;

    assert_int_equal(openai_responses_read_event(&s, slice_str(name), slice_str(frame), &event),
                     OK);
    return event;
}

static void text_is_told_to_who_wants_it(void **state)
{
    const char *delta = "{\"type\":\"response.output_text.delta\",\"delta\":\"a\\nb\"}";
    const char *thought = "{\"type\":\"response.reasoning_text.delta\",\"delta\":\"a\"}";

    (void)state;
    assert_true(slice_eq(event_of("", delta, true).text, SLICE("\"a\\nb\"")));
    assert_true(slice_is_empty(event_of("", delta, false).text));
    assert_true(slice_is_empty(event_of("", thought, true).text));
    assert_int_equal(event_of("", thought, true).marks, EVENT_CONTENT);
}

static void marks(void **state)
{
    const unsigned end = EVENT_FINISH | EVENT_DONE;
    const struct {
        const char *name, *frame;
        unsigned marks;
    } table[] = {
        {"",                    "",                                                        0                },
        {"",                    "  ",                                                      0                },
        {"response.created",    "{}",                                                      0                },
        {"x.delta",             "{\"delta\":\"\"}",                                        0                },
        {"x.delta",             "{\"delta\":null}",                                        0                },
        {"x.delta",             "{\"delta\":{}}",                                          0                },
        {"x.delta",             "{\"delta\":{\"a\":1}}",                                   EVENT_CONTENT    },
        {"x.delta",             "{\"delta\":\"a\"}",                                       EVENT_CONTENT    },
        {"x.delta",             "{\"type\":\"response.completed\",\"delta\":\"a\"}",       end              },
        {"response.completed",  "{\"response\":{}}",                                       end              },
        {"response.completed",
         "{\"response\":{\"usage\":{\"input_tokens\":0,\"output_tokens\":0}}}",            end | EVENT_USAGE},
        {"response.incomplete", "{}",                                                      end              },
        {"response.failed",     "{}",                                                      EVENT_ERROR      },
        {"error",               "gone",                                                    EVENT_ERROR      },
        {"",                    "{\"type\":\"error\",\"message\":\"x\"}",                  EVENT_ERROR      },
        {"",                    "{\"error\":{\"message\":\"x\"}}",                         EVENT_ERROR      },
        {"",                    "{\"type\":\"response.x\",\"error\":{\"message\":\"x\"}}", 0                },
        {"message",             "{\"note\":1}",                                            0                },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (event_of(table[i].name, table[i].frame, false).marks != table[i].marks)
            fail_msg("%s %s", table[i].name, table[i].frame);
}

static void frames_are_counted(void **state)
{
    const struct {
        const char *frame;
        uint64_t frames;
    } table[] = {
        {"{\"type\":\"response.created\",\"sequence_number\":0}",            1 },
        {"{\"type\":\"x.delta\",\"delta\":\"a\",\"sequence_number\":41}",    42},
        {"{\"type\":\"response.image_generation_call.partial_image\","
         "\"sequence_number\":4}",                                  5 },
        {"{\"type\":\"x.delta\",\"delta\":\"a\"}",                           0 },
        {"{\"type\":\"x.delta\",\"delta\":\"a\",\"sequence_number\":\"1\"}", 0 },
        {"{\"type\":\"x.delta\",\"delta\":\"a\",\"sequence_number\":-1}",    0 },
        {"{\"type\":\"x.delta\",\"delta\":\"a\",\"sequence_number\":1.5}",   0 },
        {"{\"type\":\"x.delta\",\"delta\":\"a\","
         "\"sequence_number\":18446744073709551615}",               0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        assert_int_equal(event_of("", table[i].frame, false).frames, table[i].frames);
}

static void what_is_no_frame(void **state)
{
    static const char *const bad[] = {"[DONE]", "{", "1", "[]", "{\"type\":\"a\",\"type\":\"b\"}"};
    struct openai_responses_stream s = {0};
    struct event event;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(
            openai_responses_read_event(&s, SLICE("message"), slice_str(bad[i]), &event), -EBADMSG);
}

static void a_cut_answer_is_none(void **state)
{
    static const char whole[] = "{\"object\":\"response\",\"status\":\"completed\",\"error\":null,"
                                "\"output\":[{\"a\":\"}\"}],\"data\":[[0.1]],\"usage\":null}";
    struct reply reply;

    (void)state;
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        char *exact = malloc(len ? len : 1);
        memcpy(exact, whole, len);
        assert_int_equal(openai_responses_read_reply(slice_of(exact, len), &reply), -EBADMSG);
        assert_int_equal(openai_embeddings_read_reply(slice_of(exact, len), &reply), -EBADMSG);
        free(exact);
    }
    assert_int_equal(openai_responses_read_reply(slice_str(whole), &reply), OK);
    assert_true(slice_eq(reply.body, slice_str(whole)));
    assert_int_equal(openai_embeddings_read_reply(slice_str(whole), &reply), OK);
    assert_int_equal(reply.usage.source, USAGE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_told_to_who_wants_it), cmocka_unit_test(marks),
        cmocka_unit_test(frames_are_counted),           cmocka_unit_test(what_is_no_frame),
        cmocka_unit_test(a_cut_answer_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
