/* The line of a request: what it tells, and what it must never tell. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/played_gateway.h"
#include "base/log.h"
#include "middleware/access_log.h"
#include "middleware/auth.h"
#include "middleware/rate_limit.h"
#include "middleware/trace.h"
#include "web/exchange.h"
#include "web/reply.h"

static struct exchange *seen;

static void work_handle(struct exchange *x)
{
    seen = x;
}

static const struct middleware *const gates[] = {&middleware_trace, &middleware_access_log,
                                                 &middleware_auth, &middleware_rate_limit, NULL};
static const struct route chat = {HTTP_POST, SLICE_INIT("/chat"), .has_call = true,
                                  .handle = work_handle};
static const struct route *const routes[] = {&chat, NULL};

static char path[64], lines[16384];

static int rig_up(void **state)
{
    (void)state;
    rig_open(gates, routes);
    rig_publish();
    snprintf(path, sizeof(path), "/tmp/courier-access-%ld", (long)getpid());
    unlink(path);
    return log_start(&(struct log_options){.level = LOG_INFO, .format = LOG_JSON, .path = path});
}

static int rig_down(void **state)
{
    (void)state;
    log_stop();
    unlink(path);
    rig_close();
    return 0;
}

/* Everything that was logged. */
static const char *logged(void)
{
    log_stop();
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    lines[fread(lines, 1, sizeof(lines) - 1, f)] = '\0';
    fclose(f);
    return lines;
}

static void assert_has(const char *text)
{
    if (!strstr(lines, text))
        fail_msg("%s is not in %s", text, lines);
}

static unsigned count_lines(void)
{
    unsigned n = 0;

    for (const char *at = lines; (at = strchr(at, '\n')); at++)
        n++;
    return n;
}

static void a_call_has_one_line(void **state)
{
    (void)state;
    fake_request(HTTP_POST, "POST", "/chat");
    fake.r.query = SLICE("api_key=hidden1");
    fake.r.bytes_in = 321;
    fake_field("x-api-key", "sk-plain");
    fake_field("x-request-id", "req-9");
    fake_body("{\"model\":\"fast\",\"stream\":true,\"messages\":[{\"content\":\"hidden2\"}]}");
    rig_serve();
    struct outcome *o = &seen->outcome;
    o->served_model = SLICE("slow");
    o->provider = SLICE("gpu-box");
    o->attempts = 2;
    o->first_token_us = 5000;
    o->usage = (struct usage){.input = 3, .output = 4, .source = USAGE_PROVIDER};
    o->upstream_request_id = SLICE("up-1");
    reply_send(seen, 200, SLICE("text/plain"), SLICE("hidden3"));
    fake.r.bytes_out = 456;
    fake_done(true);

    logged();
    assert_int_equal(count_lines(), 1);
    assert_has("\"method\":\"POST\"");
    assert_has("\"path\":\"/chat\"");
    assert_has("\"status\":200");
    assert_has("\"outcome\":\"ok\"");
    assert_has("\"request_id\":\"req-9\"");
    assert_has("\"client\":\"127.0.0.1:4711\"");
    assert_has("\"key_id\":1");
    assert_has("\"user\":\"ann\"");
    assert_has("\"bytes_in\":321");
    assert_has("\"bytes_out\":456");
    assert_has("\"latency_ms\":");
    assert_has("\"model\":\"fast\"");
    assert_has("\"served_model\":\"slow\"");
    assert_has("\"provider\":\"gpu-box\"");
    assert_has("\"stream\":true");
    assert_has("\"attempts\":2");
    assert_has("\"first_token_ms\":5");
    assert_has("\"prompt_tokens\":3");
    assert_has("\"completion_tokens\":4");
    assert_has("\"usage_source\":\"provider\"");
    assert_has("\"upstream_request_id\":\"up-1\"");
    assert_null(strstr(lines, "hidden"));
    assert_null(strstr(lines, "sk-plain"));
    assert_null(strstr(lines, "error_code"));
}

static void refusals_have_one_each(void **state)
{
    (void)state;
    fake_request(HTTP_POST, "POST", "/chat");
    fake_field("authorization", "Bearer sk-unknown-secret");
    rig_serve();
    fake_done(true);
    fake_request(HTTP_OTHER, NULL, NULL);
    fake_reject(&chain_server_events, &rig.chain, 431, "the head is too large");
    fake_done(true);
    fake_request(HTTP_POST, "POST", "/chat");
    fake_field("x-api-key", "sk-plain");
    fake_body("{\"model\":\"m\",\"messages\":[{}]}");
    rig_serve();
    fake_gone();

    logged();
    assert_int_equal(count_lines(), 3);
    assert_has("\"status\":401,\"outcome\":\"client_error\",\"error_code\":\"invalid_api_key\"");
    assert_has("\"status\":431,\"outcome\":\"client_error\",\"error_code\":\"headers_too_large\"");
    assert_has("\"status\":499,\"outcome\":\"client_closed\",\"error_code\":\"client_closed\"");
    assert_null(strstr(lines, "sk-unknown-secret"));
}

static void what_a_client_chose_cannot_forge_a_line(void **state)
{
    static char long_path[5000];

    (void)state;
    memset(long_path, 'a', sizeof(long_path) - 1);
    memcpy(long_path, "/\n{\"x\":\"", 8);
    fake_request(HTTP_GET, "GET", long_path);
    rig_serve();
    fake_done(true);
    logged();
    assert_int_equal(count_lines(), 1);
    assert_true(strlen(lines) < 1000);
    assert_has("\"path\":\"/\\n{\\\"x\\\":\\\"aaa");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_call_has_one_line, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(refusals_have_one_each, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(what_a_client_chose_cannot_forge_a_line, rig_up, rig_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
