/* outcome.c: how a request's end is called, and which end a fault means. */

#include "model/outcome.h"

static const char *const names[] = {
    [OUTCOME_OK] = "ok",
    [OUTCOME_CLIENT_ERROR] = "client_error",
    [OUTCOME_RATE_LIMITED] = "rate_limited",
    [OUTCOME_UPSTREAM_ERROR] = "upstream_error",
    [OUTCOME_UPSTREAM_TIMEOUT] = "upstream_timeout",
    [OUTCOME_INTERRUPTED] = "interrupted",
    [OUTCOME_CLIENT_CLOSED] = "client_closed",
    [OUTCOME_GATEWAY_ERROR] = "gateway_error",
};

const char *outcome_status_name(enum outcome_status status)
{
    return names[(unsigned)status < ARRAY_LEN(names) ? status : OUTCOME_GATEWAY_ERROR];
}

const char *outcome_cache_name(enum outcome_cache cache)
{
    if (cache == OUTCOME_CACHE_OFF)
        return NULL;
    return cache == OUTCOME_CACHE_HIT ? "hit" : "miss";
}

enum outcome_status outcome_of_fault(enum fault_kind kind, bool committed)
{
    switch (kind) {
    case FAULT_NONE:
        return OUTCOME_OK;
    case FAULT_LIMIT_REQUESTS:
    case FAULT_LIMIT_TOKENS:
    case FAULT_LIMIT_CONCURRENCY:
        return OUTCOME_RATE_LIMITED;
    case FAULT_CLIENT_CLOSED:
        return OUTCOME_CLIENT_CLOSED;
    case FAULT_UPSTREAM_TIMEOUT:
        return committed ? OUTCOME_INTERRUPTED : OUTCOME_UPSTREAM_TIMEOUT;
    case FAULT_UPSTREAM_CREDENTIALS:
    case FAULT_UPSTREAM_RATE_LIMIT:
    case FAULT_UPSTREAM_ERROR:
    case FAULT_UPSTREAM_UNAVAILABLE:
    case FAULT_UPSTREAM_OVERLOADED:
    case FAULT_UPSTREAM_CONNECT:
    case FAULT_UPSTREAM_TLS:
    case FAULT_UPSTREAM_RESET:
    case FAULT_UPSTREAM_PROTOCOL:
    case FAULT_UPSTREAM_TOO_LARGE:
    case FAULT_UPSTREAM_INTERRUPTED:
    case FAULT_UPSTREAM_BUSY:
        return committed ? OUTCOME_INTERRUPTED : OUTCOME_UPSTREAM_ERROR;
    case FAULT_NOTHING_LOADED:
    case FAULT_DRAINING:
    case FAULT_LEDGER_FULL:
    case FAULT_STORE_AWAY:
    case FAULT_LIMITER_AWAY:
    case FAULT_INTERNAL:
    case FAULT_KIND_MAX:
        return committed ? OUTCOME_INTERRUPTED : OUTCOME_GATEWAY_ERROR;
    case FAULT_UNAUTHENTICATED:
    case FAULT_MODEL_NOT_ALLOWED:
    case FAULT_ADMIN_ONLY:
    case FAULT_MODEL_NOT_FOUND:
    case FAULT_UNKNOWN_URL:
    case FAULT_METHOD_NOT_ALLOWED:
    case FAULT_INVALID_JSON:
    case FAULT_MISSING_MEMBER:
    case FAULT_WRONG_TYPE:
    case FAULT_INVALID_VALUE:
    case FAULT_DUPLICATE_MEMBER:
    case FAULT_UNSUPPORTED:
    case FAULT_UNKNOWN_MEMBER:
    case FAULT_NOT_FOUND:
    case FAULT_ALREADY_EXISTS:
    case FAULT_IN_USE:
    case FAULT_READ_ONLY:
    case FAULT_CONFLICT:
    case FAULT_VERSION_CONFLICT:
    case FAULT_PRECONDITION:
    case FAULT_BAD_REQUEST:
    case FAULT_REQUEST_TIMEOUT:
    case FAULT_BODY_TOO_LARGE:
    case FAULT_HEADER_TOO_LARGE:
    case FAULT_NOT_IMPLEMENTED:
    case FAULT_UPSTREAM_REFUSED:
    case FAULT_CONTEXT_LENGTH:
        break;
    }
    return OUTCOME_CLIENT_ERROR;
}
