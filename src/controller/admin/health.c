/* health.c: see health.h. Asks the yard, but not the store: it may be what is wrong. */

#include "controller/admin/health.h"

#include "service/health_gather.h"
#include "service/services.h"
#include "web/exchange.h"
#include "web/problem.h"
#include "wire/health_writer.h"

struct health_state {
    struct health_ask ask;
    struct exchange *x;
};

static void health_on_report(struct op *op, int rc)
{
    struct health_state *s = container_of(op, struct health_state, ask.op);
    struct exchange *x = s->x;
    struct slice body = {0};

    if (rc == OK)
        body = health_write(s->ask.report, x->arena);
    if (!body.at) {
        problem_answer(x, FAULT_INTERNAL);
        return;
    }
    exchange_header(x, SLICE("cache-control"), SLICE("no-store"));
    reply_send(x, 200, SLICE("application/json"), body);
}

static void health_handle(struct exchange *x)
{
    struct health_state *s = arena_new(x->arena, struct health_state);

    if (!s) {
        problem_answer(x, FAULT_INTERNAL);
        return;
    }
    s->x = x;
    s->ask.op.done = health_on_report;
    if (health_ask(x->services->metrics, x->services->loop, x->arena, &s->ask) < 0)
        problem_answer(x, FAULT_INTERNAL);
}

const struct route admin_health_route = {
    .method = HTTP_GET,
    .path = SLICE_INIT("/admin/v1/health"),
    .admin = true,
    .handle = health_handle,
};
