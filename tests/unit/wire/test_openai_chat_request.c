/* test_openai_chat_request.c: what is read of a request, and how each wrong one is refused. */

#include "support/alloc_fail.h"
#include "wire/call_reader.h"
#include "wire/openai_chat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

struct refusal {
    const char *body;
    enum fault_kind kind;
    const char *param;
    const char *message; /* how it begins; NULL: any */
};

static void refused(const struct refusal *r)
{
    struct arena arena;
    struct call call;
    struct fault fault;

    arena_init(&arena, 0);
    if (openai_chat_read(slice_str(r->body), &arena, &call, &fault))
        fail_msg("accepted: %s", r->body);
    if (fault.kind != r->kind || !slice_eq(fault.param, slice_str(r->param)))
        fail_msg("%s: kind %d param '%.*s'", r->body, fault.kind, SLICE_FMT(fault.param));
    assert_true(fault.message.len > 0);
    if (r->message && !slice_starts(fault.message, slice_str(r->message)))
        fail_msg("%s: message %.*s", r->body, SLICE_FMT(fault.message));
    arena_clear(&arena);
}

static void wrong_members_are_named(void **state)
{
    static const struct refusal table[] = {
        {"{}",                                                                      FAULT_MISSING_MEMBER, "model",                        "Missing required parameter: 'model'."},
        {"{\"model\":\"m\"}",                                                       FAULT_MISSING_MEMBER, "messages",
         "Missing required parameter: 'messages'."                                                                                                                              },
        {"{\"model\":7," MESSAGES "}",                                              FAULT_WRONG_TYPE,     "model",
         "Invalid type for 'model': expected a string, but got a number instead."                                                                                               },
        {"{\"model\":null," MESSAGES "}",                                           FAULT_WRONG_TYPE,     "model",                        NULL                                  },
        {"{\"model\":\"\"," MESSAGES "}",                                           FAULT_INVALID_VALUE,  "model",                        NULL                                  },
        {"{\"model\":\"m\",\"messages\":\"hi\"}",                                   FAULT_WRONG_TYPE,     "messages",                     NULL                                  },
        {"{\"model\":\"m\",\"messages\":null}",                                     FAULT_WRONG_TYPE,     "messages",                     NULL                                  },
        {"{\"model\":\"m\",\"messages\":{}}",                                       FAULT_WRONG_TYPE,     "messages",                     NULL                                  },
        {"{\"model\":\"m\",\"messages\":[]}",                                       FAULT_INVALID_VALUE,  "messages",                     NULL                                  },
        {"{\"model\":\"m\",\"messages\":[ ]}",                                      FAULT_INVALID_VALUE,  "messages",                     NULL                                  },
        {"{\"model\":\"m\",\"messages\":[\"hi\"]}",                                 FAULT_WRONG_TYPE,     "messages[0]",
         "Invalid type for 'messages[0]': expected an object, but got a string instead."                                                                                        },
        {"{\"model\":\"m\",\"messages\":[{},{},null]}",                             FAULT_WRONG_TYPE,     "messages[2]",                  NULL                                  },
        {"{\"model\":\"m\",\"stream\":\"yes\"," MESSAGES "}",                       FAULT_WRONG_TYPE,     "stream",                       NULL                                  },
        {"{\"model\":\"m\",\"stream\":1," MESSAGES "}",                             FAULT_WRONG_TYPE,     "stream",                       NULL                                  },
        {"{\"model\":\"m\",\"stream_options\":true," MESSAGES "}",                  FAULT_WRONG_TYPE,
         "stream_options",                                                                                                                NULL                                  },
        {"{\"model\":\"m\",\"stream_options\":[]," MESSAGES "}",                    FAULT_WRONG_TYPE,     "stream_options",
         NULL                                                                                                                                                                   },
        {"{\"model\":\"m\",\"stream_options\":{\"include_usage\":1}," MESSAGES "}",
         FAULT_WRONG_TYPE,                                                                                "stream_options.include_usage", NULL                                  },
        {"{\"model\":\"m\",\"max_tokens\":\"5\"," MESSAGES "}",                     FAULT_WRONG_TYPE,     "max_tokens",
         NULL                                                                                                                                                                   },
        {"{\"model\":\"m\",\"max_tokens\":-1," MESSAGES "}",                        FAULT_WRONG_TYPE,     "max_tokens",                   NULL                                  },
        {"{\"model\":\"m\",\"max_tokens\":1.5," MESSAGES "}",                       FAULT_WRONG_TYPE,     "max_tokens",                   NULL                                  },
        {"{\"model\":\"m\",\"max_completion_tokens\":{}," MESSAGES "}",             FAULT_WRONG_TYPE,
         "max_completion_tokens",                                                                                                         NULL                                  },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        refused(&table[i]);
}

/* What is checked must be what is sent. */
static void a_member_given_twice_is_refused(void **state)
{
    static const struct refusal table[] = {
        {"{\"model\":\"cheap\"," MESSAGES ",\"model\":\"dear\"}",            FAULT_DUPLICATE_MEMBER, "model",
         "Duplicate parameter: 'model'"                                                                                                  },
        {"{\"model\":\"cheap\"," MESSAGES ",\"mod\\u0065l\":\"dear\"}",      FAULT_DUPLICATE_MEMBER,
         "model",                                                                                                                    NULL},
        {"{\"model\":\"m\"," MESSAGES "," MESSAGES "}",                      FAULT_DUPLICATE_MEMBER, "messages",                     NULL},
        {"{\"model\":\"m\",\"stream\":false," MESSAGES ",\"stream\":true}",  FAULT_DUPLICATE_MEMBER,
         "stream",                                                                                                                   NULL},
        {"{\"model\":\"m\",\"max_tokens\":1," MESSAGES ",\"max_tokens\":2}", FAULT_DUPLICATE_MEMBER,
         "max_tokens",                                                                                                               NULL},
        {"{\"model\":\"m\",\"stream_options\":{\"include_usage\":true,\"include_usage\":false}"
         "," MESSAGES "}",
         FAULT_DUPLICATE_MEMBER,                                                                     "stream_options.include_usage", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        refused(&table[i]);
}

static void text_that_is_no_json_object_says_where_and_why(void **state)
{
    static const struct refusal table[] = {
        {"",                       FAULT_INVALID_JSON, "", "We could not parse the body of your request: it is empty"},
        {" \n",                    FAULT_INVALID_JSON, "", "We could not parse the body of your request: it is empty"},
        {"[]",                     FAULT_INVALID_JSON, "",
         "We could not parse the body of your request: it must be a JSON object, at line 1"                          },
        {"7",                      FAULT_INVALID_JSON, "",
         "We could not parse the body of your request: it must be a JSON object"                                     },
        {"{\"model\":\"m\"",       FAULT_INVALID_JSON, "",
         "We could not parse the body of your request: it ends too early"                                            },
        {"{\n  \"model\": nope }", FAULT_INVALID_JSON, "",
         "We could not parse the body of your request: it is not valid JSON, at line 2, column 1"                    },
        {"{} {}",                  FAULT_INVALID_JSON, "",
         "We could not parse the body of your request: something follows the JSON object, at line "
         "1, column 4 (byte 3)."                                                                                     },
        {"{\"a\":\"\xff\"}",       FAULT_INVALID_JSON, "",
         "We could not parse the body of your request: it is not valid UTF-8"                                        },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        refused(&table[i]);
}

static void deep_nesting_is_refused(void **state)
{
    char body[2048] = "{\"x\":";

    (void)state;
    memset(body + 5, '[', 600);
    memset(body + 605, ']', 600);
    body[1205] = '}';
    refused(&(struct refusal){body, FAULT_INVALID_JSON, "",
                              "We could not parse the body of your request: it is nested too "
                              "deeply"});
}

static void read_ok(const char *body, struct arena *arena, struct call *ret)
{
    struct fault fault;

    arena_init(arena, 0);
    if (!openai_chat_read(slice_str(body), arena, ret, &fault))
        fail_msg("%s: %.*s", body, SLICE_FMT(fault.message));
    assert_int_equal(fault.kind, FAULT_NONE);
    assert_ptr_equal(ret->body.at, body);
}

static void assert_span(const char *body, struct span span, const char *text)
{
    assert_int_equal(span.to - span.from, strlen(text));
    assert_memory_equal(body + span.from, text, strlen(text));
}

static void a_full_request_is_read(void **state)
{
    const char *body = "{ \"stream\" : true, \"mod\\u0065l\" : \"m\\u00e4\", \"max_tokens\":5,\n"
                       "\"stream_options\":{\"x\":1, \"include_usage\" : true},"
                       "\"max_completion_tokens\":7," MESSAGES ",\"unknown\":[1,2.50]}";
    struct arena arena;
    struct call call;

    (void)state;
    read_ok(body, &arena, &call);
    assert_true(slice_eq(call.model, SLICE("m\xc3\xa4")));
    assert_span(body, call.model_span, "\"m\\u00e4\"");
    assert_true(call.stream);
    assert_true(call.include_usage);
    assert_span(body, call.stream_options, "{\"x\":1, \"include_usage\" : true}");
    assert_span(body, call.include_usage_span, "true");
    assert_false(call.stream_options_is_empty);
    assert_int_equal(call.max_tokens, 7);
    assert_int_equal(call.prompt_estimate, strlen("[{'role':'user','content':'hi'}]") / 4);
    arena_clear(&arena);
}

static void null_is_as_good_as_absent(void **state)
{
    const char *body = "{\"model\":\"m\",\"stream\":null,\"stream_options\":null,\"max_tokens\":9,"
                       "\"max_completion_tokens\":null," MESSAGES "}";
    struct arena arena;
    struct call call;

    (void)state;
    read_ok(body, &arena, &call);
    assert_false(call.stream);
    assert_true(call.stream_options_is_empty);
    assert_span(body, call.stream_options, "null");
    assert_int_equal(call.include_usage_span.to, 0);
    assert_int_equal(call.max_tokens, 9);
    arena_clear(&arena);
}

static void empty_stream_options(void **state)
{
    const char *body = "{\"model\":\"m\",\"stream_options\":{ \n}," MESSAGES "}";
    struct arena arena;
    struct call call;

    (void)state;
    read_ok(body, &arena, &call);
    assert_true(call.stream_options_is_empty);
    assert_false(call.include_usage);
    arena_clear(&arena);
}

static void nested_members_are_not_the_requests(void **state)
{
    const char *body = "{\"metadata\":{\"model\":\"x\",\"stream\":\"x\"},\"model\":\"m\"," MESSAGES
                       ",\"tools\":[{\"model\":1}]}";
    struct arena arena;
    struct call call;

    (void)state;
    read_ok(body, &arena, &call);
    assert_true(slice_eq(call.model, SLICE("m")));
    assert_false(call.stream);
    arena_clear(&arena);
}

/* Every prefix is refused, and nothing is read behind it (the copy is exactly sized). */
static void a_request_cut_anywhere_is_refused(void **state)
{
    const char *body = "{\"model\":\"m\\u00e4\",\"stream\":true,\"stream_options\":{\"include_usage"
                       "\":false},\"max_tokens\":12," MESSAGES "}";

    (void)state;
    for (size_t n = 0; n < strlen(body); n++) {
        struct arena arena;
        struct call call;
        struct fault fault;
        char *part = malloc(n ? n : 1);
        memcpy(part, body, n);
        arena_init(&arena, 0);
        assert_false(openai_chat_read(slice_of(part, n), &arena, &call, &fault));
        assert_int_equal(fault.kind, FAULT_INVALID_JSON);
        arena_clear(&arena);
        free(part);
    }
}

static void out_of_memory(void **state)
{
    static const char *const bodies[] = {
        "{\"model\":\"m\\u00e4\"," MESSAGES "}",
        "{\"model\":\"m\",\"messages\":[7]}",
        "{\"model\":",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        for (unsigned n = 1;; n++) {
            struct arena arena;
            struct call call;
            struct fault fault;
            arena_init(&arena, 0);
            alloc_fail_at(n);
            bool ok = openai_chat_read(slice_str(bodies[i]), &arena, &call, &fault);
            bool hit = alloc_fail_hit();
            assert_true(ok || fault.kind != FAULT_NONE);
            assert_true(ok == (i == 0 && !hit));
            arena_clear(&arena);
            if (!hit)
                break;
        }
    }
}

static void bodies_are_read_in_the_dialect_of_their_path(void **state)
{
    struct slice body = SLICE("{\"model\":\"m\"," MESSAGES "}");
    struct call call = {.kind = CALL_CHAT, .dialect = DIALECT_CHAT};
    struct arena arena;
    struct fault fault;

    (void)state;
    arena_init(&arena, 0);
    assert_true(call_read(&call, body, &arena, &fault));
    assert_true(slice_eq(call.model, SLICE("m")));
    assert_int_equal(call.dialect, DIALECT_CHAT);
    call.kind = CALL_MESSAGES;
    call.dialect = DIALECT_MESSAGES;
    assert_true(call_read(&call, body, &arena, &fault));
    assert_int_equal(call.dialect, DIALECT_MESSAGES);
    call.kind = CALL_KIND_MAX;
    assert_false(call_read(&call, body, &arena, &fault));
    assert_int_equal(fault.kind, FAULT_NOT_IMPLEMENTED);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_members_are_named),
        cmocka_unit_test(a_member_given_twice_is_refused),
        cmocka_unit_test(text_that_is_no_json_object_says_where_and_why),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(a_full_request_is_read),
        cmocka_unit_test(null_is_as_good_as_absent),
        cmocka_unit_test(empty_stream_options),
        cmocka_unit_test(nested_members_are_not_the_requests),
        cmocka_unit_test(a_request_cut_anywhere_is_refused),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(bodies_are_read_in_the_dialect_of_their_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
