/* Every fault's answer: status, type, code, param; and that docs/errors.md tells the same. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/alloc_fail.h"
#include "support/fake_server.h"
#include "web/chain.h"
#include "web/exchange.h"
#include "web/problem.h"

/* --- an exchange that answers with the fault given --- */

static struct fault fault;
static unsigned attempts;
static struct outcome ended;

static void fail_handle(struct exchange *x)
{
    x->outcome.attempts = attempts;
    assert_int_equal(problem_answer_fault(x, &fault), MW_DONE);
}

static void note_end(struct exchange *x)
{
    ended = x->outcome;
}

static const struct middleware note = {.name = "note", .on_end = note_end};
static const struct middleware *const gates[] = {&note, NULL};
static const struct route fail_route = {HTTP_GET, SLICE_INIT("/"), .handle = fail_handle};
static const struct route *const routes[] = {&fail_route, NULL};
static struct chain chain = {.middlewares = gates, .routes = routes};

static void answer(struct fault f, unsigned tried)
{
    fault = f;
    attempts = tried;
    fake_request(HTTP_GET, "GET", "/");
    fake_serve(&chain_server_events, &chain);
    assert_true(fake.ended);
    fake_done(true);
}

static const struct expected {
    enum fault_kind kind;
    int status;
    const char *type, *param, *code;
} table[] = {
    {FAULT_UNAUTHENTICATED,      401, "invalid_request_error", NULL,       "invalid_api_key"            },
    {FAULT_MODEL_NOT_ALLOWED,    403, "permission_error",      "model",    "model_not_allowed"          },
    {FAULT_ADMIN_ONLY,           403, "permission_error",      NULL,       "admin_only"                 },
    {FAULT_MODEL_NOT_FOUND,      404, "invalid_request_error", "model",    "model_not_found"            },
    {FAULT_UNKNOWN_URL,          404, "invalid_request_error", NULL,       "unknown_url"                },
    {FAULT_METHOD_NOT_ALLOWED,   405, "invalid_request_error", NULL,       "method_not_allowed"         },
    {FAULT_INVALID_JSON,         400, "invalid_request_error", NULL,       "invalid_json"               },
    {FAULT_MISSING_MEMBER,       400, "invalid_request_error", NULL,       "missing_required_parameter" },
    {FAULT_WRONG_TYPE,           400, "invalid_request_error", NULL,       "invalid_type"               },
    {FAULT_INVALID_VALUE,        400, "invalid_request_error", NULL,       "invalid_value"              },
    {FAULT_DUPLICATE_MEMBER,     400, "invalid_request_error", NULL,       "duplicate_parameter"        },
    {FAULT_UNSUPPORTED,          400, "invalid_request_error", NULL,       "unsupported_parameter"      },
    {FAULT_UNKNOWN_MEMBER,       400, "invalid_request_error", NULL,       "unknown_parameter"          },
    {FAULT_NOT_FOUND,            404, "invalid_request_error", NULL,       "not_found"                  },
    {FAULT_ALREADY_EXISTS,       409, "conflict_error",        NULL,       "already_exists"             },
    {FAULT_IN_USE,               409, "conflict_error",        NULL,       "in_use"                     },
    {FAULT_READ_ONLY,            409, "conflict_error",        NULL,       "read_only"                  },
    {FAULT_CONFLICT,             409, "conflict_error",        NULL,       "conflict"                   },
    {FAULT_VERSION_CONFLICT,     409, "conflict_error",        "version",  "version_conflict"           },
    {FAULT_PRECONDITION,         412, "conflict_error",        "if-match", "precondition_failed"        },
    {FAULT_STORE_AWAY,           503, "server_error",          NULL,       "store_unavailable"          },
    {FAULT_BAD_REQUEST,          400, "invalid_request_error", NULL,       "bad_request"                },
    {FAULT_REQUEST_TIMEOUT,      408, "invalid_request_error", NULL,       "request_timeout"            },
    {FAULT_BODY_TOO_LARGE,       413, "invalid_request_error", NULL,       "request_too_large"          },
    {FAULT_HEADER_TOO_LARGE,     431, "invalid_request_error", NULL,       "headers_too_large"          },
    {FAULT_NOT_IMPLEMENTED,      501, "invalid_request_error", NULL,       "not_implemented"            },
    {FAULT_LIMIT_REQUESTS,       429, "requests",              NULL,       "rate_limit_exceeded"        },
    {FAULT_LIMIT_TOKENS,         429, "tokens",                NULL,       "rate_limit_exceeded"        },
    {FAULT_LIMIT_CONCURRENCY,    429, "concurrent_requests",   NULL,       "rate_limit_exceeded"        },
    {FAULT_CLIENT_CLOSED,        499, "invalid_request_error", NULL,       "client_closed"              },
    {FAULT_UPSTREAM_REFUSED,     502, "invalid_request_error", NULL,       "upstream_refused"           },
    {FAULT_CONTEXT_LENGTH,       502, "invalid_request_error", "messages", "context_length_exceeded"    },
    {FAULT_UPSTREAM_CREDENTIALS, 502, "upstream_error",        NULL,       "upstream_credentials"       },
    {FAULT_UPSTREAM_RATE_LIMIT,  429, "upstream_error",        NULL,       "upstream_rate_limit"        },
    {FAULT_UPSTREAM_ERROR,       502, "upstream_error",        NULL,       "upstream_error"             },
    {FAULT_UPSTREAM_OVERLOADED,  503, "upstream_error",        NULL,       "upstream_overloaded"        },
    {FAULT_UPSTREAM_CONNECT,     502, "upstream_error",        NULL,       "upstream_connect_failed"    },
    {FAULT_UPSTREAM_TLS,         502, "upstream_error",        NULL,       "upstream_tls_failed"        },
    {FAULT_UPSTREAM_RESET,       502, "upstream_error",        NULL,       "upstream_connection_lost"   },
    {FAULT_UPSTREAM_PROTOCOL,    502, "upstream_error",        NULL,       "upstream_invalid_response"  },
    {FAULT_UPSTREAM_TOO_LARGE,   502, "upstream_error",        NULL,       "upstream_response_too_large"},
    {FAULT_UPSTREAM_TIMEOUT,     504, "upstream_error",        NULL,       "upstream_timeout"           },
    {FAULT_UPSTREAM_INTERRUPTED, 502, "upstream_error",        NULL,       "upstream_stream_interrupted"},
    {FAULT_UPSTREAM_BUSY,        503, "upstream_error",        NULL,       "upstream_busy"              },
    {FAULT_UPSTREAM_UNAVAILABLE, 503, "upstream_error",        NULL,       "upstream_unavailable"       },
    {FAULT_NOTHING_LOADED,       503, "server_error",          NULL,       "not_ready"                  },
    {FAULT_DRAINING,             503, "server_error",          NULL,       "draining"                   },
    {FAULT_LEDGER_FULL,          503, "server_error",          NULL,       "ledger_full"                },
    {FAULT_LIMITER_AWAY,         503, "server_error",          NULL,       "limiter_unavailable"        },
    {FAULT_INTERNAL,             500, "server_error",          NULL,       "internal_error"             },
};

static void each_fault_has_its_answer(void **state)
{
    char tail[256];

    (void)state;
    assert_int_equal(ARRAY_LEN(table), FAULT_KIND_MAX - 1); /* all of them */
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct expected *e = &table[i];
        const char *quote = e->param ? "\"" : "";
        answer((struct fault){.kind = e->kind}, 1);
        assert_int_equal(fake.status, e->status);
        assert_int_equal(problem_status(&fault), e->status);
        assert_string_equal(fake_answer_field("content-type"), "application/json");
        snprintf(tail, sizeof(tail), ".\",\"type\":\"%s\",\"param\":%s%s%s,\"code\":\"%s\"}}",
                 e->type, quote, e->param ? e->param : "null", quote, e->code);
        assert_int_equal(strncmp(fake.body, "{\"error\":{\"message\":\"", 21), 0);
        assert_non_null(strstr(fake.body, tail));
        assert_int_equal(ended.fault, e->kind);
        assert_int_equal(ended.http_status, e->status);
    }
}

static void the_page_for_readers_tells_the_same(void **state)
{
    static char page[65536];
    char row[256];
    FILE *f = fopen("../docs/errors.md", "r");

    (void)state;
    assert_non_null(f);
    page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
    fclose(f);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct expected *e = &table[i];
        if (fault_is_refusal(e->kind))
            snprintf(row, sizeof(row), "| `%s` | the provider's | the provider's |", e->code);
        else
            snprintf(row, sizeof(row), "| `%s` | %d | `%s` |", e->code, e->status, e->type);
        if (!strstr(page, row))
            fail_msg("docs/errors.md has no row: %s", row);
    }
}

static void text_is_escaped(void **state)
{
    (void)state;
    answer((struct fault){.kind = FAULT_MISSING_MEMBER,
                          .message = SLICE("say \"hi\"\n\xff"),
                          .param = SLICE("a\\b")},
           0);
    assert_string_equal(fake.body,
                        "{\"error\":{\"message\":\"say \\\"hi\\\"\\n\xEF\xBF\xBD\",\"type\":"
                        "\"invalid_request_error\",\"param\":\"a\\\\b\",\"code\":"
                        "\"missing_required_parameter\"}}");
}

static void a_long_message_is_cut(void **state)
{
    static char text[1 << 20];

    (void)state;
    memset(text, '"', sizeof(text));
    answer((struct fault){.kind = FAULT_MODEL_NOT_FOUND, .message = slice_of(text, sizeof(text))},
           0);
    assert_true(fake.body_len < 4096);
    assert_non_null(strstr(fake.body, "\"code\":\"model_not_found\"}}"));
}

/* field notes: SDKs ignore other spellings, and retry for ever without any */
static void whoever_must_wait_is_told_how_long(void **state)
{
    static const struct {
        enum fault_kind kind;
        uint64_t ms;
        const char *seconds, *milliseconds;
    } cases[] = {
        {FAULT_LIMIT_REQUESTS,      1200,  "2",  "1200" },
        {FAULT_LIMIT_TOKENS,        1000,  "1",  "1000" },
        {FAULT_LIMIT_CONCURRENCY,   1,     "1",  "1"    },
        {FAULT_LIMIT_REQUESTS,      0,     "1",  "1000" },
        {FAULT_UPSTREAM_RATE_LIMIT, 59001, "60", "59001"},
        {FAULT_UPSTREAM_RATE_LIMIT, 0,     "1",  "1000" },
        {FAULT_UPSTREAM_OVERLOADED, 0,     "1",  "1000" },
        {FAULT_UPSTREAM_BUSY,       0,     "1",  "1000" },
        {FAULT_NOTHING_LOADED,      0,     "1",  "1000" },
        {FAULT_DRAINING,            0,     "1",  "1000" },
        {FAULT_LEDGER_FULL,         0,     "5",  "5000" },
        {FAULT_LIMITER_AWAY,        0,     "1",  "1000" },
        {FAULT_INTERNAL,            0,     NULL, NULL   },
        {FAULT_UPSTREAM_ERROR,      5000,  "5",  "5000" },
        {FAULT_UPSTREAM_ERROR,      0,     NULL, NULL   },
        {FAULT_INVALID_JSON,        0,     NULL, NULL   },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        answer((struct fault){.kind = cases[i].kind, .retry_after_ms = cases[i].ms}, 1);
        if (cases[i].seconds) {
            assert_string_equal(fake_answer_field("retry-after"), cases[i].seconds);
            assert_string_equal(fake_answer_field("retry-after-ms"), cases[i].milliseconds);
        } else {
            assert_null(fake_answer_field("retry-after"));
            assert_null(fake_answer_field("retry-after-ms"));
        }
    }
}

static void what_must_not_be_repeated_says_so(void **state)
{
    static const struct {
        enum fault_kind kind;
        unsigned attempts;
        bool never;
    } cases[] = {
        {FAULT_UPSTREAM_CREDENTIALS, 1, true },
        {FAULT_UPSTREAM_TLS,         1, true },
        {FAULT_UPSTREAM_TOO_LARGE,   1, true },
        {FAULT_UPSTREAM_ERROR,       1, false},
        {FAULT_UPSTREAM_ERROR,       2, true },
        {FAULT_UPSTREAM_TIMEOUT,     2, true },
        {FAULT_UPSTREAM_RATE_LIMIT,  3, false},
        {FAULT_UPSTREAM_OVERLOADED,  3, false},
        {FAULT_LIMIT_REQUESTS,       0, false},
        {FAULT_INTERNAL,             0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        answer((struct fault){.kind = cases[i].kind}, cases[i].attempts);
        const char *field = fake_answer_field("x-should-retry");
        if (cases[i].never)
            assert_string_equal(field, "false");
        else
            assert_null(field);
    }
}

static void a_missing_key_says_which_scheme(void **state)
{
    (void)state;
    answer((struct fault){.kind = FAULT_UNAUTHENTICATED}, 0);
    assert_string_equal(fake_answer_field("www-authenticate"), "Bearer");
}

static void a_providers_refusal_passes_unchanged(void **state)
{
    static const char body[] = "{\"object\":\"error\", \"message\":\"too long\",\"code\":400}";

    static const enum fault_kind kinds[] = {FAULT_UPSTREAM_REFUSED, FAULT_CONTEXT_LENGTH};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        answer((struct fault){.kind = kinds[i],
                              .upstream_status = 422,
                              .upstream_body = slice_str(body),
                              .upstream_content_type = SLICE("application/problem+json")},
               1);
        assert_int_equal(fake.status, 422);
        assert_string_equal(fake.body, body);
        assert_string_equal(fake_answer_field("content-type"), "application/problem+json");
        assert_null(fake_answer_field("x-should-retry"));
        assert_int_equal(ended.status, OUTCOME_CLIENT_ERROR);
        assert_int_equal(ended.http_status, 422);
    }

    answer((struct fault){.kind = FAULT_UPSTREAM_REFUSED, .upstream_status = 404}, 1);
    assert_int_equal(fake.status, 404); /* it said nothing, so we do */
    assert_non_null(strstr(fake.body, "upstream_refused"));

    answer((struct fault){.kind = FAULT_UPSTREAM_REFUSED, .upstream_status = 200}, 1);
    assert_int_equal(fake.status, 502); /* never "always 200" */

    /* a body that belongs to another fault is not the caller's to read */
    answer((struct fault){.kind = FAULT_UPSTREAM_CREDENTIALS,
                          .upstream_status = 401,
                          .upstream_body = SLICE("your key sk-secret is wrong")},
           1);
    assert_int_equal(fake.status, 502);
    assert_null(strstr(fake.body, "sk-secret"));
}

static void a_streams_error_is_one_event(void **state)
{
    static const struct route chat = {HTTP_POST, SLICE_INIT("/chat"), .has_call = true,
                                      .handle = fail_handle};
    struct arena a;
    struct exchange x = {.arena = &a, .route = &chat, .request_id = SLICE("r1")};

    (void)state;
    arena_init(&a, 0);
    struct slice event = problem_event(&x, &(struct fault){.kind = FAULT_UPSTREAM_TIMEOUT});
    assert_true(
        slice_eq(event, SLICE("data: {\"error\":{\"message\":\"The provider did not answer "
                              "in time.\",\"type\":\"upstream_error\",\"param\":null,\"code\":"
                              "\"upstream_stream_interrupted\"}}\n\n")));
    event = problem_event(&x, &(struct fault){.kind = FAULT_INTERNAL});
    assert_true(slice_find(event, SLICE("\"internal_error\"")) < event.len);
    event = problem_event(&x, &(struct fault){.kind = FAULT_NONE});
    assert_true(slice_find(event, SLICE("\"server_error\"")) < event.len);

    struct fault refusal = {.kind = FAULT_UPSTREAM_REFUSED, .upstream_body = SLICE("{\"e\":1}")};
    assert_true(slice_eq(problem_event(&x, &refusal), SLICE("data: {\"e\":1}\n\n")));
    refusal.upstream_body = SLICE("{\n\"e\":1}"); /* would be more than one line */
    event = problem_event(&x, &refusal);
    assert_true(slice_find(event, SLICE("\"upstream_refused\"")) < event.len);
    arena_clear(&a);
}

#define BROKE  "\"The provider's answer broke off.\""
#define BROKEN "\"upstream_stream_interrupted\""

static void a_stream_of_responses_has_numbered_events(void **state)
{
    static const struct route responses = {HTTP_POST, SLICE_INIT("/responses"), .has_call = true,
                                           .kind = CALL_RESPONSES, .handle = fail_handle};
    struct arena a;
    struct exchange x = {.arena = &a, .route = &responses, .outcome = {.stream_frames = 7}};

    (void)state;
    arena_init(&a, 0);
    struct slice event = problem_event(&x, &(struct fault){.kind = FAULT_UPSTREAM_INTERRUPTED});
    assert_true(slice_eq(
        event,
        SLICE("event: error\ndata: {\"type\":\"error\",\"sequence_number\":7,\"message\":" BROKE
              ",\"param\":null,\"code\":" BROKEN ",\"error\":{\"message\":" BROKE
              ",\"type\":\"upstream_error\",\"param\":null,\"code\":" BROKEN "}}\n\n")));

    /* a provider's own words, in the shape of an answer that is no stream */
    struct fault refusal = {
        .kind = FAULT_UPSTREAM_REFUSED,
        .upstream_body = SLICE("{\"error\":{\"message\":\"no \\\"x\\\"\",\"type\":\"t\",\"param\":"
                               "\"input\",\"code\":400}}"),
    };
    x.outcome.stream_frames = 0;
    event = problem_event(&x, &refusal);
    assert_true(slice_eq(
        event,
        SLICE("event: error\ndata: {\"type\":\"error\",\"sequence_number\":0,\"message\":\"no "
              "\\\"x\\\"\",\"param\":\"input\",\"code\":\"400\",\"error\":{\"message\":\"no "
              "\\\"x\\\"\","
              "\"type\":\"t\",\"param\":\"input\",\"code\":\"400\"}}\n\n")));

    for (unsigned n = 1;; n++) {
        struct arena small;
        arena_init(&small, 0);
        x.arena = &small;
        alloc_fail_at(n);
        event = problem_event(&x, &refusal);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        assert_true(event.at || hit);
        arena_clear(&small);
        if (!hit)
            break;
    }
    arena_clear(&a);
}

static void the_other_dialect_has_its_own_shape(void **state)
{
    static const struct route messages = {HTTP_POST,
                                          SLICE_INIT("/v1/messages"),
                                          .has_call = true,
                                          .kind = CALL_MESSAGES,
                                          .dialect = DIALECT_MESSAGES,
                                          .handle = fail_handle};
    struct arena a;
    struct server_request request = {.path = SLICE("/v1/messages")};
    struct exchange x = {
        .request = &request, .arena = &a, .route = &messages, .request_id = SLICE("r1")};

    (void)state;
    arena_init(&a, 0);
    assert_true(slice_eq(problem_event(&x, &(struct fault){.kind = FAULT_UPSTREAM_OVERLOADED}),
                         SLICE("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
                               "\"overloaded_error\",\"message\":\"The provider is overloaded.\"},"
                               "\"request_id\":\"r1\"}\n\n")));
    arena_clear(&a);

    /* also where the path leads nowhere */
    fake_request(HTTP_GET, "GET", "/v1/messages/nothing");
    fake_serve(&chain_server_events, &chain);
    assert_int_equal(fake.status, 404);
    assert_non_null(
        strstr(fake.body, "\"type\":\"error\",\"error\":{\"type\":\"not_found_error\""));
    fake_done(true);

    /* and on paths of both, for a client that says so */
    fake_request(HTTP_GET, "GET", "/nowhere");
    fake_field("Anthropic-Version", "2023-06-01");
    fake_serve(&chain_server_events, &chain);
    assert_int_equal(fake.status, 404);
    assert_non_null(strstr(fake.body, "\"error\":{\"type\":\"not_found_error\""));
    fake_done(true);
}

static void without_memory_the_status_still_goes_out(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        fault = (struct fault){.kind = FAULT_LIMIT_REQUESTS, .message = SLICE("slow down")};
        fake_request(HTTP_GET, "GET", "/");
        alloc_fail_at(n);
        fake_serve(&chain_server_events, &chain);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        assert_true(fake.status == 429 || (n <= 2 && fake.status == 500));
        assert_int_equal(fake.length, fake.body_len);
        fake_done(true);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_has_its_answer),
        cmocka_unit_test(the_page_for_readers_tells_the_same),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(whoever_must_wait_is_told_how_long),
        cmocka_unit_test(what_must_not_be_repeated_says_so),
        cmocka_unit_test(a_missing_key_says_which_scheme),
        cmocka_unit_test(a_providers_refusal_passes_unchanged),
        cmocka_unit_test(a_streams_error_is_one_event),
        cmocka_unit_test(a_stream_of_responses_has_numbered_events),
        cmocka_unit_test(the_other_dialect_has_its_own_shape),
        cmocka_unit_test(without_memory_the_status_still_goes_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
