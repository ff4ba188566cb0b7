/* What the gate tells the meter of each request. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/played_gateway.h"
#include "middleware/auth.h"
#include "middleware/measure.h"
#include "service/meter.h"
#include "web/reply.h"

static struct exchange *seen;

static void ok_handle(struct exchange *x)
{
    reply_send(x, 200, SLICE("text/plain"), SLICE("ok"));
}

static void wait_handle(struct exchange *x)
{
    seen = x;
}

static const struct middleware *const gates[] = {&middleware_measure, &middleware_auth, NULL};
static const struct route ok = {HTTP_GET, SLICE_INIT("/ok/{id}"), .handle = ok_handle};
static const struct route admin = {HTTP_GET, SLICE_INIT("/admin"), .admin = true,
                                   .handle = ok_handle};
static const struct route call = {HTTP_POST, SLICE_INIT("/call"), .has_call = true,
                                  .kind = CALL_EMBEDDINGS, .handle = wait_handle};
static const struct route *const routes[] = {&ok, &admin, &call, NULL};

static int rig_up(void **state)
{
    (void)state;
    rig_open(gates, routes);
    rig_publish();
    rig.services.meter = meter_new();
    return 0;
}

static int rig_down(void **state)
{
    (void)state;
    meter_free(rig.services.meter);
    rig_close();
    return 0;
}

static void ask(enum http_method method, const char *path, const char *key)
{
    fake_request(method, method == HTTP_GET ? "GET" : "POST", path);
    fake_field("x-api-key", key);
    fake_body("{}");
    rig_serve();
}

/* How much the line that begins so tells; 0: there is none. */
static unsigned long told(const char *line)
{
    struct exposition *e = test_malloc(sizeof(*e));
    struct buf text;

    exposition_init(e);
    meter_tell(rig.services.meter, e);
    buf_init(&text, 1 << 20);
    exposition_write(e, &text);
    assert_int_equal(buf_add_char(&text, 0), OK);
    const char *at = strstr(text.at, line);
    unsigned long n = at ? strtoul(at + strlen(line) + 1, NULL, 10) : 0;
    buf_free(&text);
    exposition_free(e);
    test_free(e);
    return n;
}

static void a_request_counts_when_it_has_ended(void **state)
{
    (void)state;
    ask(HTTP_GET, "/ok/7", "sk-plain");
    assert_int_equal(told("\ncourier_requests_in_flight"), 1);
    fake_done(true);
    assert_int_equal(told("\ncourier_requests_in_flight"), 0);
    assert_int_equal(told("courier_requests_total{endpoint=\"/ok/{id}\",outcome=\"ok\","
                          "status_class=\"2xx\"}"),
                     1);
}

static void what_leads_nowhere_is_other(void **state)
{
    (void)state;
    ask(HTTP_GET, "/made/up", "sk-plain");
    fake_done(true);
    assert_int_equal(told("courier_errors_total{endpoint=\"other\",error_type=\"unknown_url\"}"),
                     1);
}

static void only_admins_pass_to_their_routes(void **state)
{
    (void)state;
    ask(HTTP_GET, "/admin", "sk-plain");
    fake_done(true);
    assert_int_equal(told("courier_errors_total{endpoint=\"/admin\",error_type=\"admin_only\"}"),
                     1);
    ask(HTTP_GET, "/admin", "sk-admin");
    fake_done(true);
    assert_int_equal(told("courier_requests_total{endpoint=\"/admin\",outcome=\"ok\","
                          "status_class=\"2xx\"}"),
                     1);
}

static void a_client_that_left_is_told_as_such(void **state)
{
    (void)state;
    ask(HTTP_GET, "/ok/7", "sk-plain");
    fake_done(false);
    assert_int_equal(told("courier_requests_total{endpoint=\"/ok/{id}\",outcome=\"client_closed\","
                          "status_class=\"2xx\"}"),
                     1);
}

static void call_model(const char *model, unsigned attempts)
{
    ask(HTTP_POST, "/call", "sk-plain");
    seen->outcome.requested_model = slice_str(model);
    seen->outcome.attempts = attempts;
    reply_send(seen, 200, SLICE("text/plain"), SLICE("ok"));
    fake_done(true);
}

#define CALLS_OF(model)                                                                            \
    "gen_ai_server_request_duration_seconds_count{gen_ai_operation_name=\"embeddings\","           \
    "gen_ai_provider_name=\"none\",gen_ai_request_model=\"" model "\"}"

/* Or a client could make series by inventing models. */
static void only_models_that_exist_have_names(void **state)
{
    (void)state;
    call_model("invented", 0);
    call_model("fast", 0);
    call_model("gone since", 1);
    assert_int_equal(told(CALLS_OF("other")), 1);
    assert_int_equal(told(CALLS_OF("fast")), 1);
    assert_int_equal(told(CALLS_OF("gone since")), 1);
    assert_int_equal(told(CALLS_OF("invented")), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_up, rig_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_counts_when_it_has_ended), TEST(what_leads_nowhere_is_other),
        TEST(only_admins_pass_to_their_routes),   TEST(a_client_that_left_is_told_as_such),
        TEST(only_models_that_exist_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
