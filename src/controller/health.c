/* health.c: alive as long as it answers; ready once there is something to serve, until it drains.
 */

#include "controller/health.h"

#include "service/services.h"
#include "service/snapshot.h"
#include "web/exchange.h"
#include "web/reply.h"

static void health_answer(struct exchange *x, int status, struct slice body)
{
    exchange_header(x, SLICE("cache-control"), SLICE("no-store"));
    reply_send(x, status, SLICE("application/json"), body);
}

static void healthz_handle(struct exchange *x)
{
    health_answer(x, 200, SLICE("{\"status\":\"ok\"}\n"));
}

static bool is_ready(struct exchange *x)
{
    return !atomic_load_explicit(x->services->leaving, memory_order_relaxed) &&
           snapshot_hold(x->services->snapshots, x->arena);
}

static void readyz_handle(struct exchange *x)
{
    if (is_ready(x)) {
        health_answer(x, 200, SLICE("{\"status\":\"ready\"}\n"));
        return;
    }
    exchange_header(x, SLICE("retry-after"), SLICE("1"));
    health_answer(x, 503, SLICE("{\"status\":\"not ready\"}\n"));
}

const struct route route_healthz = {
    .method = HTTP_GET,
    .path = SLICE_INIT("/healthz"),
    .open = true,
    .handle = healthz_handle,
};

const struct route route_readyz = {
    .method = HTTP_GET,
    .path = SLICE_INIT("/readyz"),
    .open = true,
    .handle = readyz_handle,
};
