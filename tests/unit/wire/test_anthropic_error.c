/* test_anthropic_error.c: what the errors of Anthropic's dialect mean, and how ours are said. */

#include "wire/anthropic_error.h"

#include "codec/json.h"
#include "support/alloc_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static struct anthropic_error error_of(const char *type, const char *message)
{
    static char body[512];
    struct anthropic_error error;

    snprintf(body, sizeof(body),
             "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"%s\"}}", type, message);
    assert_true(anthropic_error_read(slice_str(body), &error));
    return error;
}

static void kinds_by_status_and_type(void **state)
{
    static const struct {
        int status;
        const char *type, *message;
        enum fault_kind kind;
    } table[] = {
        {400, "invalid_request_error", "no",                                                         FAULT_UPSTREAM_REFUSED    },
        {400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API",
         FAULT_UPSTREAM_CREDENTIALS                                                                                            },
        {400, "invalid_request_error", "prompt is too long: 9 > 8",                                  FAULT_CONTEXT_LENGTH      },
        {400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 9 + 1",
         FAULT_CONTEXT_LENGTH                                                                                                  },
        {0,   "invalid_request_error", "no",                                                         FAULT_UPSTREAM_REFUSED    },
        {422, "invalid_request_error", "no",                                                         FAULT_UPSTREAM_REFUSED    },
        {401, "invalid_request_error", "no",                                                         FAULT_UPSTREAM_CREDENTIALS},
        {500, "invalid_request_error", "no",                                                         FAULT_UPSTREAM_ERROR      },
        {401, "authentication_error",  "",                                                           FAULT_UPSTREAM_CREDENTIALS},
        {402, "billing_error",         "",                                                           FAULT_UPSTREAM_CREDENTIALS},
        {403, "permission_error",      "",                                                           FAULT_UPSTREAM_CREDENTIALS},
        {404, "not_found_error",       "",                                                           FAULT_UPSTREAM_REFUSED    },
        {409, "conflict_error",        "",                                                           FAULT_UPSTREAM_ERROR      },
        {413, "request_too_large",     "",                                                           FAULT_UPSTREAM_REFUSED    },
        {429, "rate_limit_error",      "",                                                           FAULT_UPSTREAM_RATE_LIMIT },
        {500, "api_error",             "",                                                           FAULT_UPSTREAM_ERROR      },
        {504, "timeout_error",         "",                                                           FAULT_UPSTREAM_TIMEOUT    },
        {529, "overloaded_error",      "",                                                           FAULT_UPSTREAM_OVERLOADED },
        {500, "overloaded_error",      "",                                                           FAULT_UPSTREAM_OVERLOADED },
        {0,   "overloaded_error",      "",                                                           FAULT_UPSTREAM_OVERLOADED },
        {0,   "news",                  "",                                                           FAULT_UPSTREAM_ERROR      },
        {405, "news",                  "",                                                           FAULT_UPSTREAM_PROTOCOL   },
        {418, "news",                  "",                                                           FAULT_UPSTREAM_REFUSED    },
        {599, "news",                  "",                                                           FAULT_UPSTREAM_ERROR      },
        {302, "news",                  "",                                                           FAULT_UPSTREAM_PROTOCOL   },
        {524, "news",                  "",                                                           FAULT_UPSTREAM_TIMEOUT    },
        {499, "news",                  "",                                                           FAULT_UPSTREAM_ERROR      },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct anthropic_error error = error_of(table[i].type, table[i].message);
        assert_int_equal(anthropic_error_kind(table[i].status, &error), table[i].kind);
    }
}

static void a_status_alone(void **state)
{
    (void)state;
    assert_int_equal(anthropic_error_kind(529, NULL), FAULT_UPSTREAM_OVERLOADED);
    assert_int_equal(anthropic_error_kind(503, NULL), FAULT_UPSTREAM_ERROR);
    assert_int_equal(anthropic_error_kind(400, NULL), FAULT_UPSTREAM_REFUSED);
    assert_int_equal(anthropic_error_kind(0, NULL), FAULT_UPSTREAM_ERROR);
}

static void what_is_no_error(void **state)
{
    static const char *const bodies[] = {"",
                                         "null",
                                         "{}",
                                         "{\"error\":null}",
                                         "{\"error\":\"x\"}",
                                         "<html>",
                                         "{\"error\":{\"type\":1,\"type\":2}}"};
    struct anthropic_error error;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        assert_false(anthropic_error_read(slice_str(bodies[i]), &error));
}

static void types_by_status(void **state)
{
    static const struct {
        int status;
        const char *type;
    } table[] = {
        {400, "invalid_request_error"},
        {401, "authentication_error" },
        {403, "permission_error"     },
        {404, "not_found_error"      },
        {405, "invalid_request_error"},
        {413, "request_too_large"    },
        {422, "invalid_request_error"},
        {429, "rate_limit_error"     },
        {500, "api_error"            },
        {502, "api_error"            },
        {503, "overloaded_error"     },
        {504, "timeout_error"        },
        {529, "overloaded_error"     },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        assert_true(slice_eq(anthropic_error_type(table[i].status), slice_str(table[i].type)));
}

static void bodies_are_written(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_true(slice_eq(
        anthropic_error_write(&arena, SLICE("api_error"), SLICE("a \\\"b\\\""), SLICE("r\"1")),
        SLICE("{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"a \\\"b\\\"\"},"
              "\"request_id\":\"r\\\"1\"}")));
    assert_true(slice_eq(
        anthropic_error_write(&arena, SLICE("api_error"), SLICE("a"), SLICE("")),
        SLICE("{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"a\"}}")));
    arena_clear(&arena);
    alloc_fail_at(1);
    assert_null(anthropic_error_write(&arena, SLICE("x"), SLICE("a"), SLICE("")).at);
    assert_true(alloc_fail_hit());
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_by_status_and_type), cmocka_unit_test(a_status_alone),
        cmocka_unit_test(what_is_no_error),         cmocka_unit_test(types_by_status),
        cmocka_unit_test(bodies_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
