/* watching.c: see watching.h. */

#include "app/watching.h"

#include "app/version.h"
#include "base/clock.h"
#include "base/ids.h"

#include <stdlib.h>

struct watching {
    struct meter **meters;
    size_t len;
    struct fleet *fleet;
    struct metrics_sources sources;
    char instance[RECORD_ID_TEXT];
};

static bool make_meters(struct watching *w, unsigned workers)
{
    w->meters = calloc(workers, sizeof(*w->meters));
    for (; w->meters && w->len < workers; w->len++) {
        w->meters[w->len] = meter_new();
        if (!w->meters[w->len])
            return false;
    }
    return w->meters;
}

struct watching *watching_new(const struct watching_options *options)
{
    struct watching *w = calloc(1, sizeof(*w));

    if (!w)
        return NULL;
    w->fleet = fleet_new();
    if (!w->fleet || !make_meters(w, options->workers)) {
        watching_free(w);
        return NULL;
    }
    struct record_id id = record_id_new(clock_wall_us());
    record_id_format(&id, w->instance);
    w->sources = (struct metrics_sources){
        .meters = w->meters,
        .meters_len = w->len,
        .fleet = w->fleet,
        .slot = options->slot,
        .keeper = options->keeper,
        .ledger = options->ledger,
        .cache = options->cache,
        .traces = options->traces,
        .prompts = options->prompts,
        .draining = options->draining,
        .version = courier_version,
        .commit = courier_commit,
        .instance = slice_of(w->instance, sizeof(w->instance)),
        .started_wall_us = clock_wall_us(),
    };
    return w;
}

void watching_free(struct watching *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->len; i++)
        meter_free(w->meters[i]);
    free(w->meters);
    fleet_free(w->fleet);
    free(w);
}

struct meter *watching_meter(const struct watching *w, unsigned i)
{
    return w->meters[i];
}

struct fleet *watching_fleet(const struct watching *w)
{
    return w->fleet;
}

const struct metrics_sources *watching_sources(const struct watching *w)
{
    return &w->sources;
}
