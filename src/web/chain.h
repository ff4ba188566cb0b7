/* chain.h: the gates that every request passes, in order, and the one place where it ends.
 *
 *   on_request  in order; MW_NEXT goes on, MW_DONE: answered, MW_WAIT: exchange_resume comes later
 *   on_settle   in reverse, for the gates entered, exactly once: the answer is decided and its last
 *               bytes are about to be handed out (or the client is gone). Reservations are settled
 *               and the usage record is written here: before the client can see the end.
 *   on_end      in reverse, exactly once: everything is out, or the client is gone. The outcome may
 *               have become client_closed since on_settle.
 *
 * A path or method that leads nowhere is told behind the gates: who has no key learns nothing of
 * what there is. Bytes that were no request at all are refused at once and pass only the gates that
 * say so (`malformed`). */

#pragma once

#include "web/exchange.h"

enum mw { MW_NEXT, MW_WAIT, MW_DONE };

struct redactor;

struct middleware {
    const char *name;
    size_t slot_bytes; /* its own memory in each exchange: exchange_slot */
    bool malformed;    /* entered also when the bytes were no request; then it must not wait */
    enum mw (*on_request)(struct exchange *x);
    void (*on_settle)(struct exchange *x);
    void (*on_end)(struct exchange *x);
};

/* What a path and method lead to. A route for GET answers HEAD too. */
struct route {
    enum http_method method;
    /* "/v1/models/{id}", "/v1/keys/{id}/rotate": one {name} takes what stands there, slashes too */
    struct slice path;
    bool open;     /* needs no key */
    bool admin;    /* needs an admin key */
    bool has_call; /* the body is a model call of this kind and dialect: exchange_call */
    enum call_kind kind;
    enum dialect dialect;
    /* Answers, now or later. */
    void (*handle)(struct exchange *x);
    const void *owner; /* the handler's own */
};

/* Whether the route takes the path; *ret: what stands for its {name}, not decoded. */
bool route_tail(const struct route *route, struct slice path, struct slice *ret);

struct chain {
    const struct middleware *const *middlewares; /* ended by NULL, at most EXCHANGE_GATES */
    const struct route *const *routes;           /* ended by NULL */
    struct services *services;
    const struct redactor *redactor; /* for texts that callers chose; NULL: they are shown as is */
};

/* For struct server_options: the owner is the chain. */
extern const struct server_events chain_server_events;

/* Goes on after MW_WAIT with what the gate decided. */
void exchange_resume(struct exchange *x, enum mw verdict);
/* The gateway can wait no longer for what this request waits for: stops its work and tells the
 * client, in band where it must be. For server_each_request. */
void exchange_interrupt(struct server_request *r);
/* The end is decided: runs on_settle. Called by web/reply before it hands out the last bytes.
 * Idempotent. */
void exchange_settle(struct exchange *x);
