/* GET /healthz and /readyz: without a key, and with nothing else told. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/played_gateway.h"
#include "controller/routes.h"

static int rig_up(void **state)
{
    (void)state;
    rig_open(rig_only_enter(), controller_routes);
    return 0;
}

static int rig_down(void **state)
{
    (void)state;
    rig_close();
    return 0;
}

static int get(const char *path)
{
    fake_request(HTTP_GET, "GET", path);
    rig_serve();
    assert_true(fake.ended);
    fake_done(true);
    return fake.status;
}

static void alive_is_always_alive(void **state)
{
    (void)state;
    assert_int_equal(get("/healthz"), 200);
    assert_string_equal(fake.body, "{\"status\":\"ok\"}\n");
    atomic_store(&rig.leaving, true);
    assert_int_equal(get("/healthz"), 200);
}

static void ready_is_loaded_and_not_leaving(void **state)
{
    (void)state;
    assert_int_equal(get("/readyz"), 503);
    assert_string_equal(fake.body, "{\"status\":\"not ready\"}\n");
    assert_string_equal(fake_answer_field("retry-after"), "1");
    rig_publish();
    assert_int_equal(get("/readyz"), 200);
    assert_string_equal(fake.body, "{\"status\":\"ready\"}\n");
    assert_string_equal(fake_answer_field("cache-control"), "no-store");
    atomic_store(&rig.leaving, true);
    assert_int_equal(get("/readyz"), 503);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(alive_is_always_alive, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(ready_is_loaded_and_not_leaving, rig_up, rig_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
