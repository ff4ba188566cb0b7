/* exchange.h: one request and its answer, on their way through the chain.
 *
 * Lives in the request's arena. What a gate learns (principal, limits) is a member here; what the
 * rows and log lines tell is in the outcome. */

#pragma once

#include "http/server.h"
#include "base/ids.h"
#include "model/call.h"
#include "model/outcome.h"
#include "model/principal.h"
#include "web/reply.h"

struct chain;
struct exchange;
struct middleware;
struct prompt_note;
struct route;
struct services; /* service/services.h; the web itself never looks inside */
struct snapshot;

enum { EXCHANGE_HEADERS = 12, EXCHANGE_GATES = 8 };

/* What still runs for an exchange. Set by the handler that began it. */
struct exchange_work {
    void (*proceed)(struct exchange *x); /* the client has room again */
    void (*cancel)(struct exchange *x);  /* the client left: stop; idempotent */
    void *owner;                         /* the handler's own */
};

/* A request that leads nowhere: the bytes were no request, or no route takes it. */
struct exchange_refusal {
    enum fault_kind kind; /* FAULT_NONE: it leads somewhere */
    int status;           /* of a malformed request: what the server answers; else 0 */
    const char *why;      /* of a malformed request; a literal */
};

struct exchange {
    struct server_request *request;
    struct arena *arena; /* the request's */
    struct arena *early; /* the same, for what is needed only until the answer has begun */
    struct services *services;
    const struct chain *chain;
    const struct route *route; /* NULL: see refusal */
    struct exchange_refusal refusal;
    uint64_t wall_us; /* Unix time when the request was whole */
    uint64_t took_us; /* from its first byte to its end; known in on_end */

    struct slice request_id;           /* set by middleware/trace */
    struct slice traceparent;          /* for the provider */
    bool traced;                       /* it and its attempts are to be spans */
    const struct snapshot *snapshot;   /* held; set by middleware/auth */
    const struct principal *principal; /* set by middleware/auth; NULL: nobody asked */
    struct record_id record_id;        /* of its usage record; set by middleware/record */
    struct outcome outcome;

    /* fields that every answer of this exchange carries, gathered on the way; EXCHANGE_HEADERS of
     * them, in the request's early arena */
    struct header *headers;
    size_t headers_len;

    struct call *call;           /* exchange_call */
    struct reply_state reply;    /* web/reply */
    struct exchange_work work;   /* while a model answers */
    struct prompt_note *note;    /* what is kept of its prompt; NULL: nothing */
    void *slots[EXCHANGE_GATES]; /* exchange_slot */
    uint8_t next;                /* the gate to enter next */
    uint8_t entered;             /* bit i: gate i's on_request ran */
    bool settled;
};

/* In the request's arena, with a slot for each gate. NULL: out of memory. */
struct exchange *exchange_new(const struct chain *chain, struct server_request *r);
/* A gate's own memory in this exchange: slot_bytes of it, zeroed. */
void *exchange_slot(const struct exchange *x, const struct middleware *gate);
/* Adds a field to the answer to come. Values live in `early` at least. Beyond EXCHANGE_HEADERS
 * fields are left out. */
void exchange_header(struct exchange *x, struct slice name, struct slice value);
/* The request's field of that name; empty: none. */
struct slice exchange_field(const struct exchange *x, struct slice name);
/* The key: "Authorization: Bearer …", else x-api-key. Empty: none, or two that contradict. */
struct slice exchange_bearer(const struct exchange *x);
/* In which the client is to be answered: that of a call's route, or of the path's family, else what
 * the request's head tells. */
enum dialect exchange_dialect(const struct exchange *x);
/* How long the caller waits for the whole, from its field x-request-timeout-ms; 0: it does not say.
 * False: *ret_fault says what is wrong with it. */
bool exchange_patience(const struct exchange *x, uint64_t *ret_ms, struct fault *ret_fault);
/* The body, read as this route's call; parsed once. Tells the outcome which model was asked for.
 * NULL: *ret_fault says why it cannot be read. */
const struct call *exchange_call(struct exchange *x, struct fault *ret_fault);
/* The call was sent on and the answer has begun: gives back all that is in `early`, the request's
 * bytes included. What the outcome tells stays. */
void exchange_forget_request(struct exchange *x);
/* The {name} part of the route's path, percent-decoded. .at NULL: ill-formed or out of memory. */
struct slice exchange_path_tail(struct exchange *x);
/* Microseconds since the request's first byte. */
uint64_t exchange_age_us(const struct exchange *x);
