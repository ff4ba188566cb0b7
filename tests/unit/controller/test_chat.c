/* POST /v1/chat/completions: to the completion service and back. The completion is played by the
 * test. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/played_gateway.h"
#include "controller/routes.h"
#include "service/completion.h"
#include "web/exchange.h"

/* --- the played completion --- */

struct completion {
    struct completion_ask ask;
    bool cancelled;
    unsigned proceeds;
};

static struct completion *running;
static struct fault refusal; /* kind != FAULT_NONE: what completion_start says */

int completion_start(struct router *router, const struct completion_ask *ask, struct arena *a,
                     struct completion **ret, struct fault *ret_fault)
{
    assert_null(router); /* the rig has none */
    if (refusal.kind != FAULT_NONE) {
        *ret_fault = refusal;
        return -EPERM;
    }
    *ret = running = arena_new(a, struct completion);
    running->ask = *ask;
    return AGAIN;
}

void completion_proceed(struct completion *c)
{
    c->proceeds++;
}

void completion_cancel(struct completion *c)
{
    if (!c->cancelled)
        c->ask.outcome->usage = (struct usage){.input = 5, .output = 6, .source = USAGE_PARTIAL};
    c->cancelled = true;
}

/* --- the gateway around it --- */

static int rig_up(void **state)
{
    (void)state;
    running = NULL;
    refusal = (struct fault){0};
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

static const char buffered[] = "{\"model\":\"fast\",\"messages\":[{\"role\":\"user\"}]}";
static const char streamed[] =
    "{\"model\":\"fast\",\"stream\":true,\"messages\":[{\"role\":\"user\"}]}";

/* --- tests --- */

static void the_completion_is_asked_with_everything(void **state)
{
    (void)state;
    post(streamed);
    assert_non_null(running);
    const struct completion_ask *ask = &running->ask;
    assert_ptr_equal(ask->call->body.at, streamed); /* the client's own bytes */
    assert_true(slice_eq(ask->call->model, SLICE("fast")));
    assert_true(ask->call->stream);
    assert_int_equal(ask->principal->key_id, 1);
    assert_true(slice_eq(ask->request_id, SLICE("req-1")));
    assert_int_equal(ask->started_us, fake.r.started_us);
    assert_non_null(ask->snapshot);
    fake_gone();
}

static void a_buffered_answer_comes_back(void **state)
{
    static const struct slice body = SLICE_INIT("{\"id\" : 1.0}");

    (void)state;
    post(buffered);
    struct sink *s = running->ask.sink;
    struct outcome *o = running->ask.outcome;
    o->served_model = SLICE("fast");
    o->provider = SLICE("gpu-box");
    o->attempts = 1;
    o->attempts_text = SLICE("fast:200");
    o->usage = (struct usage){.input = 1, .output = 2, .source = USAGE_PROVIDER};
    const struct sink_head head = {
        .status = 200,
        .content_length = body.len,
        .content_type = SLICE("application/json"),
    };
    s->events->on_head(s, &head);
    s->events->on_bytes(s, &body, 1, true);
    assert_int_equal(fake.status, 200);
    assert_string_equal(fake.body, "{\"id\" : 1.0}");
    assert_string_equal(fake_answer_field("x-courier-attempts"), "fast:200");
    fake_done(true);
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
    assert_int_equal(fake.status, 404);
    assert_string_equal(fake.body,
                        "{\"error\":{\"message\":\"No `fast`.\",\"type\":\"invalid_request_error\","
                        "\"param\":\"model\",\"code\":\"model_not_found\"}}");
    fake_done(true);
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
