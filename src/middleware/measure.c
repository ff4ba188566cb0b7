/* measure.c: what became of a request, in the worker's meter. */

#include "middleware/measure.h"

#include "service/catalog.h"
#include "service/meter.h"
#include "service/services.h"
#include "web/exchange.h"

static enum mw measure_on_request(struct exchange *x)
{
    meter_begin(x->services->meter);
    return MW_NEXT;
}

/* The model asked for. One that does not exist has no name here, or clients could make series. */
static struct slice measured_model(const struct exchange *x)
{
    const struct outcome *o = &x->outcome;
    bool exists = o->attempts > 0 || (x->snapshot && catalog_has(x->snapshot, o->requested_model));

    return exists ? o->requested_model : SLICE("");
}

static void measure_on_end(struct exchange *x)
{
    bool is_call = x->route && x->route->has_call;
    const struct meter_request r = {
        .endpoint = x->route ? x->route->path : SLICE(""),
        .is_call = is_call,
        .kind = is_call ? x->route->kind : CALL_CHAT,
        .model = is_call ? measured_model(x) : SLICE(""),
        .outcome = &x->outcome,
        .took_us = x->took_us,
        .bytes_in = x->request->bytes_in,
        .bytes_out = x->request->bytes_out,
    };

    meter_end(x->services->meter, &r);
}

const struct middleware middleware_measure = {
    .name = "measure",
    .malformed = true,
    .on_request = measure_on_request,
    .on_end = measure_on_end,
};
