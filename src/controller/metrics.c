/* metrics.c: asks for the figures in the yard, and sends them. */

#include "controller/metrics.h"

#include "service/metrics.h"
#include "service/services.h"
#include "web/exchange.h"
#include "web/problem.h"
#include "web/reply.h"

struct metrics_state {
    struct metrics_ask ask;
    struct exchange *x;
};

static void metrics_on_text(struct op *op, int rc)
{
    struct metrics_state *s = container_of(op, struct metrics_state, ask.op);

    if (rc < 0)
        problem_answer(s->x, FAULT_INTERNAL);
    else
        reply_send(s->x, 200, SLICE("text/plain; version=0.0.4; charset=utf-8"), s->ask.text);
}

static void metrics_handle(struct exchange *x)
{
    struct metrics_state *s = arena_new(x->arena, struct metrics_state);

    if (!s) {
        problem_answer(x, FAULT_INTERNAL);
        return;
    }
    s->x = x;
    s->ask.op.done = metrics_on_text;
    if (metrics_ask(x->services->metrics, x->services->loop, x->arena, &s->ask) < 0)
        problem_answer(x, FAULT_INTERNAL);
}

const struct route route_metrics = {
    .method = HTTP_GET,
    .path = SLICE_INIT("/metrics"),
    .admin = true,
    .handle = metrics_handle,
};

const struct route route_metrics_open = {
    .method = HTTP_GET,
    .path = SLICE_INIT("/metrics"),
    .open = true,
    .handle = metrics_handle,
};
