/* exchange.h: one request and its answer, on their way through the chain.
 *
 * Lives in the request's arena. What a middleware learns (principal, limits) is a member here; what
 * the rows and log lines tell is in the outcome. */

#pragma once

#include "http/server.h"
#include "model/call.h"
#include "model/outcome.h"
#include "model/principal.h"
#include "web/reply.h"

struct chain;
struct route;
struct services; /* service/services.h; the web itself never looks inside */
struct snapshot;
struct completion;

enum { EXCHANGE_HEADERS = 24 };

struct exchange {
    struct server_request *request;
    struct arena *arena;               /* the request's */
    struct services *services;
    const struct chain *chain;
    const struct route *route;         /* NULL: unknown path or method */
    struct fault reject;               /* kind != FAULT_NONE: what the server or the routes refuse */

    struct slice request_id;           /* set by middleware/trace */
    struct slice traceparent;          /* for the provider */
    const struct snapshot *snapshot;   /* held; set by middleware/auth */
    const struct principal *principal; /* set by middleware/auth; NULL: nobody asked */
    struct outcome outcome;

    /* fields that every answer of this exchange carries, gathered on the way */
    struct header headers[EXCHANGE_HEADERS];
    size_t headers_len;

    const struct call *call;           /* exchange_call */
    struct reply_state reply;          /* web/reply */
    struct completion *completion;     /* while a model answers */
    void *slots[8];                    /* one for each middleware: its own state, chain order */
    uint8_t entered;                   /* middlewares whose on_request ran */
    bool settled, ended;
};

/* Adds a field to the answer to come. Values live as long as the request. Beyond EXCHANGE_HEADERS
 * fields are left out. */
void exchange_header(struct exchange *x, struct slice name, struct slice value);
/* The key: "Authorization: Bearer …", else x-api-key. Empty: none. */
struct slice exchange_bearer(const struct exchange *x);
/* The body, read as this route's call; parsed once. NULL: *ret_fault says why it cannot be. */
const struct call *exchange_call(struct exchange *x, struct fault *ret_fault);
/* Microseconds since the request's first byte. */
uint64_t exchange_age_us(const struct exchange *x);
