/* meter.c: see meter.h. What is told of the rows is in meter_tell.c. */

#include "service/meter.h"

#include "service/meter_rows.h"

#include <stdlib.h>

struct meter *meter_new(void)
{
    struct meter *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->requests = tally_new(REQUEST_CELLS);
    m->attempts = tally_new(ATTEMPT_CELLS);
    m->observer.on_attempt = meter_on_attempt;
    if (m->requests && m->attempts)
        return m;
    meter_free(m);
    return NULL;
}

void meter_free(struct meter *m)
{
    if (!m)
        return;
    tally_free(m->requests);
    tally_free(m->attempts);
    free(m);
}

static void observe(tally_cell *cells, const struct metric_buckets *buckets, uint64_t n)
{
    size_t i = 0;

    while (i < buckets->len && n > buckets->bounds[i])
        i++;
    tally_add(&cells[i], 1);
    tally_add(&cells[buckets->len + 1], n);
}

/* --- requests --- */

static void count_usage(tally_cell *row, const struct usage *u)
{
    if (u->source == USAGE_NONE)
        return;
    observe(row + REQUEST_INPUT, &metric_tokens_buckets, usage_prompt(u));
    observe(row + REQUEST_OUTPUT, &metric_tokens_buckets, usage_completion(u));
    tally_add(row + REQUEST_PLAIN_INPUT, u->input);
    tally_add(row + REQUEST_CACHE_READ, u->cached_read);
    tally_add(row + REQUEST_CACHE_WRITE, u->cache_write);
    tally_add(row + REQUEST_PLAIN_OUTPUT, u->output);
    tally_add(row + REQUEST_REASONING, u->reasoning);
}

/* Of an answer that went well: the mean behind the first content. */
static void count_stream(tally_cell *row, const struct meter_request *r)
{
    uint64_t first = r->outcome->first_token_us;
    uint64_t tokens = usage_completion(&r->outcome->usage);

    observe(row + REQUEST_FIRST_TOKEN, &metric_first_token_buckets, first);
    if (tokens > 1 && r->took_us >= first)
        observe(row + REQUEST_PER_TOKEN, &metric_per_token_buckets,
                (r->took_us - first) / (tokens - 1));
}

void meter_begin(struct meter *m)
{
    if (m)
        tally_add(&m->begun, 1);
}

void meter_end(struct meter *m, const struct meter_request *r)
{
    const struct outcome *o = r->outcome;

    if (!m)
        return;
    tally_add(&m->ended, 1);
    const struct tally_key key = {
        .code = request_code(r),
        .place = r->endpoint,
        .names = {r->model, o->served_model, outcome_asked(o)},
    };
    tally_cell *row = tally_row(m->requests, &key);
    if (!row)
        return;
    observe(row + REQUEST_DURATION, &metric_duration_buckets, r->took_us);
    tally_add(row + REQUEST_BYTES_IN, r->bytes_in);
    tally_add(row + REQUEST_BYTES_OUT, r->bytes_out);
    if (!r->is_call)
        return;
    count_usage(row, &o->usage);
    if (o->first_token_us && o->status == OUTCOME_OK)
        count_stream(row, r);
    if (o->fallback_used)
        tally_add(row + REQUEST_FALLBACKS, 1);
}

/* --- attempts --- */

void meter_on_attempt(struct router_observer *o, const struct attempt_report *report)
{
    struct meter *m = container_of(o, struct meter, observer);
    const struct tally_key key = {
        .code = attempt_code(report),
        .names = {report->target->model, report->target->provider},
    };
    tally_cell *row = tally_row(m->attempts, &key);

    if (!row)
        return;
    observe(row + ATTEMPT_DURATION, &metric_duration_buckets, report->took_ms * 1000);
    if (report->tries > 1)
        tally_add(row + ATTEMPT_RETRIES, 1);
}

struct router_observer *meter_observer(struct meter *m)
{
    return &m->observer;
}

/* --- one by one --- */

void meter_count(struct meter *m, enum meter_counter which, uint64_t n)
{
    if (m)
        tally_add(&m->counters[which], n);
}
