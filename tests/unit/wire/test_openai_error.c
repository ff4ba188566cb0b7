/* test_openai_error.c: error objects in all their shapes, and the table of what they mean. */

#include "wire/openai_error.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void shapes_of_errors(void **state)
{
    static const struct {
        const char *body, *type, *code;
        int status;
    } table[] = {
        {"{\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":\"p\",\"code\":\"c\"}}",  "t", "c",
         0                                                                                                  },
        {"{\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":null,\"code\":404}}",     "t", "404",
         404                                                                                                },
        {"{\"error\":{\"code\":\"402\"}}",                                                 "",  "402",   402},
        {"{\"error\":{\"code\":\"1113\"}}",                                                "",  "1113",  0  },
        {"{\"error\":\"text\",\"code\":\"c\"}",                                            "",  "c",     0  },
        {"{\"object\":\"error\",\"message\":{\"detail\":[]},\"type\":\"t\",\"code\":422}", "t",
         "422",                                                                                          422},
        {"{\"code\":20012,\"message\":\"m\",\"data\":null}",                               "",  "20012", 0  },
        {" [ {\"error\":{\"type\":\"t\"}} ]",                                              "t", "",      0  },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct openai_error e;
        if (!openai_error_read(slice_str(table[i].body), &e))
            fail_msg("not read: %s", table[i].body);
        assert_true(slice_eq(e.type, slice_str(table[i].type)));
        assert_true(slice_eq(e.code, slice_str(table[i].code)));
        assert_int_equal(e.status, table[i].status);
        assert_int_equal(e.object.at[0], '{');
    }
}

static void what_is_no_error(void **state)
{
    static const char *const table[] = {
        "",
        "{}",
        "[]",
        "[7]",
        "\"text\"",
        "null",
        "<html>",
        "{\"error\":null}",
        "{\"error\":{}}",
        "{\"error\":\"\"}",
        "{\"error\":{\"message\":\"cut",
        "{\"choices\":[],\"error\":null}",
        "{\"object\":\"chat.completion\",\"choices\":[]}",
        "{\"message\":\"m\"}",
        "{\"error\":{\"code\":1,\"code\":2}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct openai_error e;
        if (openai_error_read(slice_str(table[i]), &e))
            fail_msg("read: %s", table[i]);
    }
}

static void kinds_of_statuses(void **state)
{
    static const struct {
        int status;
        enum fault_kind json, page; /* with an error object, without */
    } table[] = {
        {200, FAULT_UPSTREAM_PROTOCOL,    FAULT_UPSTREAM_PROTOCOL   },
        {301, FAULT_UPSTREAM_PROTOCOL,    FAULT_UPSTREAM_PROTOCOL   },
        {400, FAULT_UPSTREAM_REFUSED,     FAULT_UPSTREAM_REFUSED    },
        {401, FAULT_UPSTREAM_CREDENTIALS, FAULT_UPSTREAM_CREDENTIALS},
        {402, FAULT_UPSTREAM_CREDENTIALS, FAULT_UPSTREAM_CREDENTIALS},
        {403, FAULT_UPSTREAM_CREDENTIALS, FAULT_UPSTREAM_CREDENTIALS},
        {404, FAULT_UPSTREAM_REFUSED,     FAULT_UPSTREAM_REFUSED    },
        {405, FAULT_UPSTREAM_PROTOCOL,    FAULT_UPSTREAM_PROTOCOL   },
        {408, FAULT_UPSTREAM_TIMEOUT,     FAULT_UPSTREAM_TIMEOUT    },
        {409, FAULT_UPSTREAM_ERROR,       FAULT_UPSTREAM_ERROR      },
        {413, FAULT_UPSTREAM_REFUSED,     FAULT_UPSTREAM_REFUSED    },
        {422, FAULT_UPSTREAM_REFUSED,     FAULT_UPSTREAM_REFUSED    },
        {429, FAULT_UPSTREAM_RATE_LIMIT,  FAULT_UPSTREAM_RATE_LIMIT },
        {500, FAULT_UPSTREAM_ERROR,       FAULT_UPSTREAM_ERROR      },
        {502, FAULT_UPSTREAM_ERROR,       FAULT_UPSTREAM_ERROR      },
        {503, FAULT_UPSTREAM_OVERLOADED,  FAULT_UPSTREAM_ERROR      },
        {504, FAULT_UPSTREAM_TIMEOUT,     FAULT_UPSTREAM_TIMEOUT    },
        {524, FAULT_UPSTREAM_TIMEOUT,     FAULT_UPSTREAM_TIMEOUT    },
        {529, FAULT_UPSTREAM_OVERLOADED,  FAULT_UPSTREAM_OVERLOADED },
        {999, FAULT_UPSTREAM_ERROR,       FAULT_UPSTREAM_ERROR      },
    };
    struct openai_error e = {.type = SLICE("t")};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        assert_int_equal(openai_error_kind(table[i].status, &e), table[i].json);
        assert_int_equal(openai_error_kind(table[i].status, NULL), table[i].page);
    }
}

static void words_win_over_the_status(void **state)
{
    static const struct {
        int status;
        struct openai_error error;
        enum fault_kind kind;
    } table[] = {
        {429, {.code = SLICE_INIT("insufficient_quota")},        FAULT_UPSTREAM_CREDENTIALS},
        {429, {.type = SLICE_INIT("insufficient_quota")},        FAULT_UPSTREAM_CREDENTIALS},
        {400, {.code = SLICE_INIT("Arrearage")},                 FAULT_UPSTREAM_CREDENTIALS},
        {400, {.type = SLICE_INIT("overloaded_error")},          FAULT_UPSTREAM_OVERLOADED },
        {403, {.moderated = true},                               FAULT_UPSTREAM_REFUSED    },
        {0,   {.status = 429},                                   FAULT_UPSTREAM_RATE_LIMIT },
        {0,   {.status = 401},                                   FAULT_UPSTREAM_CREDENTIALS},
        {0,   {.type = SLICE_INIT("invalid_request_error")},     FAULT_UPSTREAM_REFUSED    },
        {400, {.code = SLICE_INIT("context_length_exceeded")},   FAULT_CONTEXT_LENGTH      },
        {413, {.code = SLICE_INIT("context_length_exceeded")},   FAULT_CONTEXT_LENGTH      },
        {422, {.code = SLICE_INIT("context_length_exceeded")},   FAULT_CONTEXT_LENGTH      },
        {400, {.type = SLICE_INIT("exceed_context_size_error")}, FAULT_CONTEXT_LENGTH      },
        {0,   {.code = SLICE_INIT("context_length_exceeded")},   FAULT_CONTEXT_LENGTH      },
        {404, {.code = SLICE_INIT("context_length_exceeded")},   FAULT_UPSTREAM_REFUSED    },
        {500, {.code = SLICE_INIT("context_length_exceeded")},   FAULT_UPSTREAM_ERROR      },
        {400, {.code = SLICE_INIT("content_filter")},            FAULT_UPSTREAM_REFUSED    },
        {400, {.code = SLICE_INIT("content_policy_violation")},  FAULT_UPSTREAM_REFUSED    },
        {0,   {.code = SLICE_INIT("content_filter")},            FAULT_UPSTREAM_REFUSED    },
        {0,   {.code = SLICE_INIT("content_policy_violation")},  FAULT_UPSTREAM_REFUSED    },
        {0,   {.code = SLICE_INIT("rate_limit_exceeded")},       FAULT_UPSTREAM_RATE_LIMIT },
        {0,   {.type = SLICE_INIT("server_error")},              FAULT_UPSTREAM_ERROR      },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        assert_int_equal(openai_error_kind(table[i].status, &table[i].error), table[i].kind);
    assert_int_equal(openai_error_kind(0, NULL), FAULT_UPSTREAM_ERROR);
}

static void a_refusal_in_band_has_a_status(void **state)
{
    struct openai_error e = {.type = SLICE("invalid_request_error"), .message = SLICE("secret")};
    struct fault fault = openai_error_fault(&e);

    (void)state;
    assert_int_equal(fault.kind, FAULT_UPSTREAM_REFUSED);
    assert_int_equal(fault.upstream_status, 400);
    assert_int_equal(fault.message.len, 0); /* never the provider's words */

    e.code = SLICE("context_length_exceeded");
    fault = openai_error_fault(&e);
    assert_int_equal(fault.kind, FAULT_CONTEXT_LENGTH);
    assert_int_equal(fault.upstream_status, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_of_errors),
        cmocka_unit_test(what_is_no_error),
        cmocka_unit_test(kinds_of_statuses),
        cmocka_unit_test(words_win_over_the_status),
        cmocka_unit_test(a_refusal_in_band_has_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
