/* meter_rows.h: how a meter's rows are laid out; private to meter*.c.
 *
 * A histogram takes a cell for each bucket, one for what is above the last bound, and the sum. */

#pragma once

#include "service/meter.h"

#define DURATION_CELLS    (14 + 2)
#define FIRST_TOKEN_CELLS (16 + 2)
#define PER_TOKEN_CELLS   (13 + 2)
#define TOKENS_CELLS      (14 + 2)

/* A row for each endpoint, outcome, error, model asked for, model served, provider. */
enum request_cell {
    REQUEST_DURATION = 0,
    REQUEST_FIRST_TOKEN = REQUEST_DURATION + DURATION_CELLS,
    REQUEST_PER_TOKEN = REQUEST_FIRST_TOKEN + FIRST_TOKEN_CELLS,
    REQUEST_INPUT = REQUEST_PER_TOKEN + PER_TOKEN_CELLS,
    REQUEST_OUTPUT = REQUEST_INPUT + TOKENS_CELLS,
    REQUEST_PLAIN_INPUT = REQUEST_OUTPUT + TOKENS_CELLS,
    REQUEST_CACHE_READ,
    REQUEST_CACHE_WRITE,
    REQUEST_PLAIN_OUTPUT,
    REQUEST_REASONING,
    REQUEST_BYTES_IN,
    REQUEST_BYTES_OUT,
    REQUEST_FALLBACKS,
    REQUEST_CELLS
};

/* A row for each kind of call, result, model, provider. */
enum attempt_cell {
    ATTEMPT_DURATION = 0,
    ATTEMPT_RETRIES = ATTEMPT_DURATION + DURATION_CELLS,
    ATTEMPT_CELLS
};

struct meter {
    tally_cell begun, ended; /* requests */
    struct tally *requests, *attempts;
    struct router_observer observer;
    tally_cell counters[METER_COUNTER_MAX];
};

/* What of a request is no name, in one number. */
static inline uint32_t request_code(const struct meter_request *r)
{
    uint32_t kind = r->is_call ? (uint32_t)r->kind + 1 : 0;

    return kind | (uint32_t)r->outcome->status << 8 | (uint32_t)r->outcome->fault << 16 |
           (uint32_t)(r->outcome->http_status / 100) << 24;
}
static inline bool code_is_call(uint32_t code)
{
    return code & 0xff;
}
static inline enum call_kind code_kind(uint32_t code)
{
    return (enum call_kind)((code & 0xff) - 1);
}
static inline enum outcome_status code_outcome(uint32_t code)
{
    return (enum outcome_status)(code >> 8 & 0xff);
}
static inline enum fault_kind code_fault(uint32_t code)
{
    return (enum fault_kind)(code >> 16 & 0xff);
}
static inline unsigned code_class(uint32_t code)
{
    return code >> 24;
}

static inline uint32_t attempt_code(const struct attempt_report *r)
{
    return ((uint32_t)r->kind + 1) | (uint32_t)r->fault << 16;
}

void meter_on_attempt(struct router_observer *o, const struct attempt_report *report);
