/* GET /v1/models and /v1/models/{id}: what this key may use, and nothing else. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/alloc_fail.h"
#include "support/played_gateway.h"
#include "controller/routes.h"

static int rig_up(void **state)
{
    (void)state;
    rig_open(rig_only_enter(), controller_routes);
    rig_publish();
    return 0;
}

static int rig_down(void **state)
{
    (void)state;
    rig_close();
    return 0;
}

static void get(const char *key, const char *path)
{
    fake_request(HTTP_GET, "GET", path);
    fake_field("x-api-key", key);
    rig_serve();
    assert_true(fake.ended);
    fake_done(true);
}

#define FAST                                                                                       \
    "{\"id\":\"fast\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"gpu-box\"}"
#define SLOW "{\"id\":\"Org/slow\",\"object\":\"model\",\"created\":0,\"owned_by\":\"gpu-box\"}"

static void the_list_has_what_the_key_may_use(void **state)
{
    (void)state;
    get("sk-plain", "/v1/models");
    assert_int_equal(fake.status, 200);
    assert_string_equal(fake_answer_field("content-type"), "application/json");
    assert_string_equal(fake.body, "{\"object\":\"list\",\"data\":[" SLOW "," FAST "]}");
    get("sk-narrow", "/v1/models");
    assert_string_equal(fake.body, "{\"object\":\"list\",\"data\":[" FAST "]}");
}

static void one_model_is_told(void **state)
{
    (void)state;
    get("sk-plain", "/v1/models/fast");
    assert_int_equal(fake.status, 200);
    assert_string_equal(fake.body, FAST);
    get("sk-plain", "/v1/models/Org/slow"); /* names may hold a slash */
    assert_string_equal(fake.body, SLOW);
    get("sk-plain", "/v1/models/Org%2Fslow");
    assert_string_equal(fake.body, SLOW);
}

static void another_is_not_there(void **state)
{
    static const char *const paths[] = {"/v1/models/none", "/v1/models/Org", "/v1/models/%",
                                        "/v1/models/fast/", "/v1/models/FAST"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        get("sk-plain", paths[i]);
        assert_int_equal(fake.status, 404);
        assert_non_null(strstr(fake.body, "\"param\":\"model\",\"code\":\"model_not_found\""));
    }
    get("sk-narrow", "/v1/models/Org/slow"); /* not for this key: as if it were not there */
    assert_int_equal(fake.status, 404);
}

static void memory_may_end_anywhere(void **state)
{
    static const char *const paths[] = {"/v1/models", "/v1/models/%66ast"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        for (unsigned n = 1;; n++) {
            fake_request(HTTP_GET, "GET", paths[i]);
            fake_field("x-api-key", "sk-plain");
            alloc_fail_at(n);
            rig_serve();
            bool hit = alloc_fail_hit();
            alloc_fail_at(0);
            assert_true(fake.ended);
            fake_done(true);
            if (!hit)
                break;
        }
        assert_int_equal(fake.status, 200);
    }
}

int main(void)
{
#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_up, rig_down)
    const struct CMUnitTest tests[] = {
        RIGGED(the_list_has_what_the_key_may_use),
        RIGGED(one_model_is_told),
        RIGGED(another_is_not_there),
        RIGGED(memory_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
