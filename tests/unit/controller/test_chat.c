/* POST /v1/chat/completions: to the completion service and back. The completion is played by the
 * test. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/played_completion.h"
#include "controller/routes.h"
#include "web/exchange.h"

/* --- the gateway around it --- */

static int rig_up(void **state)
{
    (void)state;
    played_forget();
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

static void post(const char *body)
{
    fake_request(HTTP_POST, "POST", "/v1/chat/completions");
    fake_field("x-api-key", "sk-plain");
    fake_body(body);
    rig_serve();
}

/* --- tests --- */

static void the_completion_is_asked_with_everything(void **state)
{
    (void)state;
    post(streamed);
    assert_streamed_is_asked();
    fake_gone();
}

static void a_buffered_answer_comes_back(void **state)
{
    (void)state;
    post(buffered);
    played_answer();
}

static void room_again_reaches_the_completion(void **state)
{
    (void)state;
    post(streamed);
    fake_drained();
    assert_int_equal(running->proceeds, 1);
    fake_gone();
}

static void a_client_that_leaves_cancels(void **state)
{
    (void)state;
    post(buffered);
    chain_server_events.on_gone(&rig.chain, &fake.r);
    assert_true(running->cancelled);
    fake_done(false);
}

static void a_refusal_is_told(void **state)
{
    (void)state;
    refusal = (struct fault){FAULT_MODEL_NOT_FOUND, .message = SLICE("No `fast`.")};
    post(buffered);
    assert_refusal_is_told();
}

static void a_bad_body_is_told(void **state)
{
    (void)state;
    post("{\"model\":1,\"messages\":[{}]}"); /* no gate has read it before */
    assert_int_equal(fake.status, 400);
    assert_non_null(strstr(fake.body, "\"param\":\"model\",\"code\":\"invalid_type\""));
    assert_null(running);
    fake_done(true);
}

int main(void)
{
#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_up, rig_down)
    const struct CMUnitTest tests[] = {
        RIGGED(the_completion_is_asked_with_everything),
        RIGGED(a_buffered_answer_comes_back),
        RIGGED(room_again_reaches_the_completion),
        RIGGED(a_client_that_leaves_cancels),
        RIGGED(a_refusal_is_told),
        RIGGED(a_bad_body_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
