/* Who may enter. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/alloc_fail.h"
#include "support/played_gateway.h"
#include "middleware/auth.h"
#include "web/exchange.h"
#include "web/reply.h"

static int64_t key_id; /* of who came through; 0: nobody in particular */
static unsigned handled;

static void ok_handle(struct exchange *x)
{
    handled++;
    key_id = x->principal ? x->principal->key_id : 0;
    reply_send(x, 200, SLICE("text/plain"), SLICE("ok"));
}

static const struct middleware *const gates[] = {&middleware_auth, NULL};
static const struct route closed = {HTTP_GET, SLICE_INIT("/closed"), .handle = ok_handle};
static const struct route open_route = {HTTP_GET, SLICE_INIT("/open"), .open = true,
                                        .handle = ok_handle};
static const struct route *const routes[] = {&closed, &open_route, NULL};

static int rig_up(void **state)
{
    (void)state;
    rig_open(gates, routes);
    handled = 0;
    return 0;
}

static int rig_down(void **state)
{
    (void)state;
    rig_close();
    return 0;
}

static void ask(const char *path, const char *field, const char *value)
{
    fake_request(HTTP_GET, "GET", path);
    if (field)
        fake_field(field, value);
    rig_serve();
    assert_true(fake.ended);
    fake_done(true);
}

static void assert_refused(void)
{
    assert_int_equal(fake.status, 401);
    assert_non_null(strstr(fake.body, "\"type\":\"invalid_request_error\""));
    assert_non_null(strstr(fake.body, "\"code\":\"invalid_api_key\""));
    assert_string_equal(fake_answer_field("www-authenticate"), "Bearer");
    assert_int_equal(handled, 0);
}

static void a_known_key_enters(void **state)
{
    (void)state;
    rig_publish();
    ask("/closed", "Authorization", "Bearer sk-plain");
    assert_int_equal(fake.status, 200);
    assert_int_equal(key_id, 1);
    ask("/closed", "x-api-key", "sk-admin");
    assert_int_equal(fake.status, 200);
    assert_int_equal(key_id, 4);
}

static void nobody_else_does(void **state)
{
    (void)state;
    rig_publish();
    ask("/closed", NULL, NULL);
    assert_refused();
    ask("/closed", "Authorization", "Bearer sk-plain2");
    assert_refused();
    assert_null(strstr(fake.body, "sk-plain2")); /* the key is never told back */
    ask("/closed", "Authorization", "Bearer sk-expired");
    assert_refused();
    ask("/closed", "Authorization", "sk-plain");
    assert_refused();
    ask("/closed", "Authorization", "Basic c2stcGxhaW46");
    assert_refused();
}

static void who_has_no_key_learns_nothing(void **state)
{
    (void)state;
    rig_publish();
    ask("/nowhere", NULL, NULL);
    assert_refused();
    ask("/nowhere", "Authorization", "Bearer sk-plain");
    assert_int_equal(fake.status, 404);
}

static void open_routes_need_none(void **state)
{
    (void)state;
    ask("/open", NULL, NULL); /* not even a snapshot */
    assert_int_equal(fake.status, 200);
    assert_int_equal(key_id, 0);
}

/* field notes 64: "401 for ever" because the database was down at the start */
static void a_key_that_cannot_be_looked_up_is_not_wrong(void **state)
{
    (void)state;
    ask("/closed", "Authorization", "Bearer sk-plain");
    assert_int_equal(fake.status, 503);
    assert_non_null(strstr(fake.body, "\"not_ready\""));
    assert_string_equal(fake_answer_field("retry-after"), "1");
    assert_string_equal(fake_answer_field("retry-after-ms"), "1000");
    rig_publish();
    ask("/closed", "Authorization", "Bearer sk-plain");
    assert_int_equal(fake.status, 200);
}

static void without_memory_nobody_is_refused_as_wrong(void **state)
{
    (void)state;
    rig_publish();
    for (unsigned n = 1;; n++) {
        fake_request(HTTP_GET, "GET", "/closed");
        fake_field("Authorization", "Bearer sk-plain");
        alloc_fail_at(n);
        rig_serve();
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        assert_true(fake.status == 200 || fake.status == 500 || fake.status == 503);
        fake_done(true);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_known_key_enters, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(nobody_else_does, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(who_has_no_key_learns_nothing, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(open_routes_need_none, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(a_key_that_cannot_be_looked_up_is_not_wrong, rig_up,
                                        rig_down),
        cmocka_unit_test_setup_teardown(without_memory_nobody_is_refused_as_wrong, rig_up,
                                        rig_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
