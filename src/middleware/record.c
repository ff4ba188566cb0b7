/* record.c: what the exchange and its outcome say, laid down in the journal.
 *
 * Written when the exchange is settled, before the client can see the end. Should the outcome
 * change after that (the client left while the last bytes were on their way), the record is written
 * again under its id, and the later one is the row.
 *
 * A request refused because the journal is nearly full has no row: what room is left belongs to
 * those that run. Where records may be dropped instead nobody is refused. */

#include "middleware/record.h"

#include "base/ids.h"
#include "base/log.h"
#include "model/record.h"
#include "service/catalog.h"
#include "service/journal.h"
#include "service/services.h"
#include "web/exchange.h"
#include "web/problem.h"
#include "web/shown.h"

struct record_state {
    enum outcome_status told; /* as it stands in the journal */
    bool wanted, written;
};

static uint32_t us_to_ms(uint64_t us)
{
    return (uint32_t)MIN(us / 1000, (uint64_t)UINT32_MAX);
}

static void record_numbers(struct record *r, const struct exchange *x)
{
    const struct outcome *o = &x->outcome;

    r->created_wall_us = x->wall_us;
    r->user_id = x->principal->user_id;
    r->key_id = x->principal->key_id;
    r->prompt_tokens = usage_prompt(&o->usage);
    r->completion_tokens = usage_completion(&o->usage);
    r->cached_tokens = o->usage.cached_read;
    r->cache_write_tokens = o->usage.cache_write;
    r->reasoning_tokens = o->usage.reasoning;
    r->request_bytes = x->request->body_bytes;
    r->response_bytes = x->reply.body_bytes;
    r->latency_ms = us_to_ms(exchange_age_us(x));
    r->first_token_ms = us_to_ms(o->first_token_us);
    r->http_status = (uint16_t)o->http_status;
    r->attempts = (uint16_t)MIN(o->attempts, (unsigned)UINT16_MAX);
    r->status = (uint8_t)o->status;
    r->usage_source = (uint8_t)o->usage.source;
    r->stream = o->stream;
    r->fallback_used = o->fallback_used;
}

static void record_texts(struct record *r, struct exchange *x)
{
    const struct outcome *o = &x->outcome;

    record_text(r->request_id, sizeof(r->request_id), x->request_id);
    record_text(r->endpoint, sizeof(r->endpoint), shown_endpoint(x));
    record_text(r->requested_model, sizeof(r->requested_model), o->requested_model);
    record_text(r->served_model, sizeof(r->served_model), o->served_model);
    record_text(r->provider, sizeof(r->provider), outcome_asked(o));
    if (o->fault != FAULT_NONE)
        record_text(r->error_code, sizeof(r->error_code), slice_str(fault_traits(o->fault)->code));
}

static void record_append(struct exchange *x, struct record_state *state)
{
    /* zeroed whole: what stood on the stack must not reach the file */
    struct record r;
    memset(&r, 0, sizeof(r));

    r.id = x->record_id;
    record_numbers(&r, x);
    record_texts(&r, x);
    state->told = x->outcome.status;
    state->written = journal_append(x->services->journal, &r) >= 0;
}

/* An administrator may look at what is wrong, and mend it. */
static bool is_refused(const struct exchange *x)
{
    bool admin = x->route && x->route->admin;

    return !admin && !x->services->drop_records && journal_is_tight(x->services->journal);
}

static enum mw record_on_request(struct exchange *x)
{
    struct record_state *state = exchange_slot(x, &middleware_record);

    if (!x->principal)
        return MW_NEXT;
    if (is_refused(x))
        return problem_answer(x, FAULT_LEDGER_FULL);
    state->wanted = true;
    x->record_id = record_id_new(x->wall_us);
    if (atomic_load_explicit(x->services->draining, memory_order_relaxed))
        return problem_answer(x, FAULT_DRAINING);
    return MW_NEXT;
}

/* A name of no model is what the caller made up: from here on, in the row, the log line and the
 * span, it stands as far as it tells nothing personal. */
static void record_hide_model(struct exchange *x)
{
    struct outcome *o = &x->outcome;

    if (o->attempts > 0 || o->cache == OUTCOME_CACHE_HIT || slice_is_empty(o->requested_model) ||
        (x->snapshot && catalog_has(x->snapshot, o->requested_model)))
        return;
    o->requested_model = shown_text(x, o->requested_model);
}

static void record_on_settle(struct exchange *x)
{
    struct record_state *state = exchange_slot(x, &middleware_record);

    record_hide_model(x);
    if (state->wanted)
        record_append(x, state);
}

static void record_on_end(struct exchange *x)
{
    struct record_state *state = exchange_slot(x, &middleware_record);

    if (!state->wanted || (state->written && state->told == x->outcome.status))
        return;
    record_append(x, state);
    if (!state->written && journal_lose(x->services->journal))
        log_event(LOG_ERROR, "usage records are lost: the journal is full",
                  LOG_SLICE("first_request_id", x->request_id), LOG_END);
}

const struct middleware middleware_record = {
    .name = "record",
    .slot_bytes = sizeof(struct record_state),
    .on_request = record_on_request,
    .on_settle = record_on_settle,
    .on_end = record_on_end,
};
