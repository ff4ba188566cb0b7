/* outcome.h: how a request ended, as far as rows, log lines and headers want to know. One for each
 * exchange; filled by whoever learns a thing, read when the request is settled. */

#pragma once

#include "model/fault.h"
#include "model/usage.h"

enum outcome_status {
    OUTCOME_OK,
    OUTCOME_CLIENT_ERROR,
    OUTCOME_RATE_LIMITED,
    OUTCOME_UPSTREAM_ERROR,
    OUTCOME_UPSTREAM_TIMEOUT,
    OUTCOME_INTERRUPTED,
    OUTCOME_CLIENT_CLOSED,
    OUTCOME_GATEWAY_ERROR,
};

/* Whether the answer was one that had been kept. */
enum outcome_cache { OUTCOME_CACHE_OFF, OUTCOME_CACHE_MISS, OUTCOME_CACHE_HIT };

struct outcome {
    enum outcome_status status;
    int http_status;              /* what the client got; 499 when it had left before the head */
    enum fault_kind fault;        /* FAULT_NONE: none; its code is the row's error_code */
    enum fault_kind cause;        /* what broke an answer off in the middle; FAULT_NONE: nothing */
    struct slice requested_model; /* what the client asked for */
    struct slice served_model, provider; /* of a kept answer: who once gave it */
    bool stream;
    unsigned attempts; /* on providers */
    bool fallback_used;
    enum outcome_cache cache; /* CACHE_OFF: the model's answers are not kept */
    struct usage usage;
    uint64_t stream_frames;           /* of a stream that numbers its frames: how many went out */
    uint64_t first_token_us;          /* since the request's start; 0: none came */
    struct slice upstream_request_id; /* the provider's, for the log line */
    struct slice attempts_text;       /* "fast:503,smart:200" for x-courier-attempts */
};

/* "ok", "client_error", … as in usage_logs.status */
const char *outcome_status_name(enum outcome_status status);
/* Which status a fault means for the row. */
enum outcome_status outcome_of_fault(enum fault_kind kind, bool committed);
/* "hit", "miss"; NULL: the model's answers are not kept. */
const char *outcome_cache_name(enum outcome_cache cache);
/* The provider that was asked for this request, for what is counted by provider: none for an answer
 * that was kept. */
static inline struct slice outcome_asked(const struct outcome *o)
{
    return o->cache == OUTCOME_CACHE_HIT ? (struct slice){0} : o->provider;
}
