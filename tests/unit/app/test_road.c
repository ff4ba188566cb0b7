/* The whole road of a request but for its two ends: every gate, every route, real services; the
 * server and the completion are played by the test. What is asked wrongly is told rightly, and has
 * its row. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/played_completion.h"
#include "base/log.h"
#include "controller/routes.h"
#include "web/exchange.h"
#include "middleware/access_log.h"
#include "middleware/auth.h"
#include "middleware/rate_limit.h"
#include "middleware/record.h"
#include "middleware/trace.h"

/* --- the gateway around it --- */

static const struct middleware *const gates[] = {&middleware_trace,      &middleware_access_log,
                                                 &middleware_auth,       &middleware_record,
                                                 &middleware_rate_limit, NULL};

static int rig_up(void **state)
{
    (void)state;
    played_forget();
    log_start(&(struct log_options){.level = LOG_INFO, .path = "/dev/null"});
    rig_open(gates, controller_routes);
    rig_publish();
    return 0;
}

static int rig_down(void **state)
{
    (void)state;
    rig_close();
    log_stop();
    return 0;
}

static void post(const char *body)
{
    fake_request(HTTP_POST, "POST", "/v1/chat/completions");
    fake_field("authorization", "Bearer sk-plain");
    fake_field("x-request-id", "req-1");
    fake_body(body);
    rig_serve();
}

static struct record the_row(void)
{
    struct record rows[4];

    assert_int_equal(rig_rows(rows, 4), 1);
    return rows[0];
}

/* --- tests --- */

static void the_completion_is_asked_with_everything(void **state)
{
    (void)state;
    post(streamed);
    assert_streamed_is_asked();
    assert_int_equal(running->ask.traceparent.len, 55);
    fake_gone();
    the_row();
}

static void a_buffered_answer_comes_back(void **state)
{
    (void)state;
    post(buffered);
    played_answer();
    struct record r = the_row();
    assert_int_equal(r.status, OUTCOME_OK);
    assert_string_equal(r.endpoint, "/v1/chat/completions");
    assert_string_equal(r.requested_model, "fast");
    assert_int_equal(r.prompt_tokens, 1);
    assert_int_equal(r.stream, 0);
}

static void a_client_that_leaves_cancels(void **state)
{
    (void)state;
    post(buffered);
    chain_server_events.on_gone(&rig.chain, &fake.r);
    assert_true(running->cancelled);
    fake_done(false);
    struct record r = the_row();
    assert_int_equal(r.status, OUTCOME_CLIENT_CLOSED);
    assert_int_equal(r.http_status, 499);
    assert_int_equal(r.prompt_tokens, 5);
    assert_int_equal(r.usage_source, USAGE_PARTIAL);
}

static void a_refusal_is_told(void **state)
{
    (void)state;
    refusal = (struct fault){FAULT_MODEL_NOT_FOUND, .message = SLICE("No `fast`.")};
    post(buffered);
    assert_refusal_is_told();
    struct record r = the_row();
    assert_int_equal(r.http_status, 404);
    assert_string_equal(r.error_code, "model_not_found");
    assert_string_equal(r.requested_model, "fast");
    assert_int_equal(r.attempts, 0);

    refusal = (struct fault){.kind = FAULT_MODEL_NOT_ALLOWED};
    post(buffered);
    assert_int_equal(fake.status, 403);
    fake_done(true);
    assert_string_equal(the_row().error_code, "model_not_allowed");
}

static void bad_input_is_told_member_by_member(void **state)
{
    static const struct {
        const char *body;
        const char *param; /* NULL: null */
        const char *code;
    } cases[] = {
        {"",                                                          NULL,             "invalid_json"              },
        {"not json",                                                  NULL,             "invalid_json"              },
        {"{\"model\":\"m\",\"messages\":[{}]",                        NULL,             "invalid_json"              },
        {"{\"model\":\"m\",\"messages\":[{}]} x",                     NULL,             "invalid_json"              },
        {"[{\"model\":\"m\"}]",                                       NULL,             "invalid_json"              },
        {"\"model\"",                                                 NULL,             "invalid_json"              },
        {"{\"model\":\"m\",\"messages\":[{\"content\":\"\xff\"}]}",   NULL,             "invalid_json"              },
        {"{\"model\":\"m\",\"messages\":[{\"content\":\"\n\"}]}",     NULL,             "invalid_json"              },
        {"{\"messages\":[{}]}",                                       "model",          "missing_required_parameter"},
        {"{\"model\":\"m\"}",                                         "messages",       "missing_required_parameter"},
        {"{\"model\":1,\"messages\":[{}]}",                           "model",          "invalid_type"              },
        {"{\"model\":null,\"messages\":[{}]}",                        "model",          "invalid_type"              },
        {"{\"model\":\"\",\"messages\":[{}]}",                        "model",          "invalid_value"             },
        {"{\"model\":\"m\",\"messages\":{}}",                         "messages",       "invalid_type"              },
        {"{\"model\":\"m\",\"messages\":[]}",                         "messages",       "invalid_value"             },
        {"{\"model\":\"m\",\"messages\":[1]}",                        "messages[0]",    "invalid_type"              },
        {"{\"model\":\"m\",\"messages\":[{}],\"stream\":\"yes\"}",    "stream",         "invalid_type"              },
        {"{\"model\":\"m\",\"messages\":[{}],\"max_tokens\":-1}",     "max_tokens",     "invalid_type"              },
        {"{\"model\":\"m\",\"messages\":[{}],\"stream_options\":1}",  "stream_options",
         "invalid_type"                                                                                             },
        {"{\"model\":\"a\",\"model\":\"b\",\"messages\":[{}]}",       "model",          "duplicate_parameter"       },
        {"{\"model\":\"a\",\"mod\\u0065l\":\"b\",\"messages\":[{}]}", "model",
         "duplicate_parameter"                                                                                      },
    };
    char tail[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *quote = cases[i].param ? "\"" : "";
        post(cases[i].body);
        assert_int_equal(fake.status, 400);
        snprintf(tail, sizeof(tail),
                 ",\"type\":\"invalid_request_error\",\"param\":%s%s%s,\"code\":\"%s\"}}", quote,
                 cases[i].param ? cases[i].param : "null", quote, cases[i].code);
        if (!strstr(fake.body, tail))
            fail_msg("%s: %s", cases[i].body, fake.body);
        assert_non_null(fake_answer_field("x-request-id"));
        fake_done(true);
        struct record r = the_row();
        assert_int_equal(r.status, OUTCOME_CLIENT_ERROR);
        assert_string_equal(r.error_code, cases[i].code);
        assert_null(running);
    }
}

static void a_nul_in_the_body_is_no_json(void **state)
{
    static const char body[] = "{\"model\":\"m\",\0\"messages\":[{}]}";

    (void)state;
    fake_request(HTTP_POST, "POST", "/v1/chat/completions");
    fake_field("x-api-key", "sk-plain");
    fake_body_bytes(slice_of(body, sizeof(body) - 1));
    rig_serve();
    assert_int_equal(fake.status, 400);
    fake_done(true);
    the_row();
}

static void deep_nesting_ends(void **state)
{
    static char body[4096];
    size_t n = (size_t)snprintf(body, sizeof(body), "{\"model\":\"m\",\"messages\":[{\"a\":");

    (void)state;
    memset(body + n, '[', 600);
    memset(body + n + 600, ']', 600);
    memcpy(body + n + 1200, "}]}", 4);
    post(body);
    assert_int_equal(fake.status, 400);
    assert_non_null(strstr(fake.body, "\"invalid_json\""));
    fake_done(true);
    the_row();
}

static void other_paths_and_methods_lead_nowhere(void **state)
{
    static const struct {
        enum http_method method;
        const char *name, *path;
        int status;
        const char *allow;
    } cases[] = {
        {HTTP_GET,    "GET",    "/v1/chat/completions",  405, "POST"     },
        {HTTP_OTHER,  "BREW",   "/v1/chat/completions",  405, "POST"     },
        {HTTP_POST,   "POST",   "/v1/models",            405, "GET, HEAD"},
        {HTTP_DELETE, "DELETE", "/v1/models/fast",       405, "GET, HEAD"},
        {HTTP_POST,   "POST",   "/v1/chat/completions/", 404, NULL       },
        {HTTP_POST,   "POST",   "/chat/completions",     404, NULL       },
        {HTTP_GET,    "GET",    "/",                     404, NULL       },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fake_request(cases[i].method, cases[i].name, cases[i].path);
        fake_field("x-api-key", "sk-plain");
        rig_serve();
        assert_int_equal(fake.status, cases[i].status);
        if (cases[i].allow)
            assert_string_equal(fake_answer_field("allow"), cases[i].allow);
        else
            assert_null(fake_answer_field("allow"));
        fake_done(true);
        the_row();
    }
}

int main(void)
{
#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_up, rig_down)
    const struct CMUnitTest tests[] = {
        RIGGED(the_completion_is_asked_with_everything),
        RIGGED(a_buffered_answer_comes_back),
        RIGGED(a_client_that_leaves_cancels),
        RIGGED(a_refusal_is_told),
        RIGGED(bad_input_is_told_member_by_member),
        RIGGED(a_nul_in_the_body_is_no_json),
        RIGGED(deep_nesting_ends),
        RIGGED(other_paths_and_methods_lead_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
