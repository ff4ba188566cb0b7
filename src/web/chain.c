/* chain.c: an exchange's one way, and its one end.
 *
 *   request → route → gate 1 … gate n → handler → settle → last bytes → end
 *                        └── answers ───────────────┘
 *   client gone: cancel what runs → settle → end, from wherever it was
 *
 * Settle and end run once, in reverse, for the gates that were entered. */

#include "web/chain.h"

#include "web/problem.h"

/* --- where does it lead? --- */

bool route_tail(const struct route *route, struct slice path, struct slice *ret)
{
    size_t open = slice_find(route->path, SLICE("{")), close = slice_find(route->path, SLICE("}"));

    if (open == route->path.len) {
        *ret = SLICE("");
        return slice_eq(route->path, path);
    }
    struct slice before = slice_sub(route->path, 0, open);
    struct slice behind = slice_sub(route->path, close + 1, route->path.len);
    if (path.len <= before.len + behind.len || !slice_starts(path, before) ||
        !slice_eq(slice_sub(path, path.len - behind.len, path.len), behind))
        return false;
    *ret = slice_sub(path, before.len, path.len - behind.len);
    return true;
}

static bool route_takes_path(const struct route *route, struct slice path)
{
    struct slice tail;

    return route_tail(route, path, &tail);
}

static bool route_takes_method(const struct route *route, enum http_method method)
{
    return route->method == method || (route->method == HTTP_GET && method == HTTP_HEAD);
}

static void chain_route(struct exchange *x)
{
    const struct server_request *r = x->request;
    enum fault_kind refusal = FAULT_UNKNOWN_URL;

    for (const struct route *const *at = x->chain->routes; *at; at++) {
        if (!route_takes_path(*at, r->path))
            continue;
        if (route_takes_method(*at, r->method)) {
            x->route = *at;
            return;
        }
        refusal = FAULT_METHOD_NOT_ALLOWED;
    }
    x->refusal.kind = refusal;
}

/* --- nowhere --- */

static struct slice method_name(enum http_method method)
{
    static const struct slice names[] = {
        [HTTP_GET] = SLICE_INIT("GET, HEAD"),   [HTTP_HEAD] = SLICE_INIT("HEAD"),
        [HTTP_POST] = SLICE_INIT("POST"),       [HTTP_PUT] = SLICE_INIT("PUT"),
        [HTTP_PATCH] = SLICE_INIT("PATCH"),     [HTTP_DELETE] = SLICE_INIT("DELETE"),
        [HTTP_OPTIONS] = SLICE_INIT("OPTIONS"), [HTTP_OTHER] = SLICE_INIT(""),
    };
    return names[method];
}

/* RFC 9110 section 15.5.6: a 405 tells which methods there are */
static void chain_add_allow(struct exchange *x)
{
    char text[128];
    size_t n = 0;

    for (const struct route *const *at = x->chain->routes; *at; at++) {
        struct slice name = method_name((*at)->method);
        if (!route_takes_path(*at, x->request->path) || n + name.len + 2 > sizeof(text))
            continue;
        if (n > 0) {
            memcpy(text + n, ", ", 2);
            n += 2;
        }
        memcpy(text + n, name.at, name.len);
        n += name.len;
    }
    struct slice value = arena_copy(x->early, slice_of(text, n));
    if (value.at)
        exchange_header(x, SLICE("allow"), value);
}

enum { PATH_SHOWN = 256 };

static void chain_refuse(struct exchange *x)
{
    const struct server_request *r = x->request;
    struct fault fault = {.kind = x->refusal.kind, .message = slice_str(x->refusal.why)};

    if (x->refusal.status) {
        problem_answer_as(x, &fault, x->refusal.status);
        return;
    }
    if (fault.kind == FAULT_METHOD_NOT_ALLOWED)
        chain_add_allow(x);
    const char *what =
        fault.kind == FAULT_UNKNOWN_URL ? "Invalid URL" : "This method is not allowed here";
    struct slice path = slice_sub(r->path, 0, MIN(r->path.len, (size_t)PATH_SHOWN));
    fault.message =
        arena_printf(x->arena, "%s (%.*s %.*s).", what, SLICE_FMT(r->method_text), SLICE_FMT(path));
    problem_answer_fault(x, &fault);
}

/* --- through the gates --- */

static bool gate_concerns(const struct middleware *gate, const struct exchange *x)
{
    return gate->malformed || !x->refusal.status;
}

static void chain_advance(struct exchange *x)
{
    const struct middleware *gate;

    while ((gate = x->chain->middlewares[x->next])) {
        unsigned bit = 1u << x->next++;
        if (!gate_concerns(gate, x))
            continue;
        x->entered |= (uint8_t)bit;
        if (gate->on_request && gate->on_request(x) != MW_NEXT)
            return;
    }
    if (x->route)
        x->route->handle(x);
    else
        chain_refuse(x);
}

void exchange_resume(struct exchange *x, enum mw verdict)
{
    if (verdict == MW_NEXT)
        chain_advance(x);
}

/* --- the end --- */

void exchange_settle(struct exchange *x)
{
    if (x->settled)
        return;
    x->settled = true;
    for (unsigned i = x->next; i-- > 0;) {
        const struct middleware *gate = x->chain->middlewares[i];
        if ((x->entered >> i & 1) && gate->on_settle)
            gate->on_settle(x);
    }
}

static void chain_end(struct exchange *x)
{
    x->took_us = exchange_age_us(x);
    for (unsigned i = x->next; i-- > 0;) {
        const struct middleware *gate = x->chain->middlewares[i];
        if ((x->entered >> i & 1) && gate->on_end)
            gate->on_end(x);
    }
}

static void outcome_client_closed(struct exchange *x)
{
    x->outcome.status = OUTCOME_CLIENT_CLOSED;
    x->outcome.fault = FAULT_CLIENT_CLOSED;
    if (!x->reply.committed)
        x->outcome.http_status = 499;
}

void exchange_interrupt(struct server_request *r)
{
    struct exchange *x = r->user;

    if (!x || x->reply.ended)
        return;
    if (x->work.cancel)
        x->work.cancel(x);
    reply_fault(x, &(struct fault){
                       .kind = x->reply.committed ? FAULT_UPSTREAM_INTERRUPTED : FAULT_DRAINING,
                       .message = SLICE("The gateway is shutting down. Please try again shortly."),
                   });
}

/* --- what the server tells --- */

/* Not even memory for an exchange: no gate can tell of it. */
static void chain_answer_out_of_memory(struct server_request *r)
{
    static const struct header headers[] = {
        {SLICE_INIT("content-type"), SLICE_INIT("application/json")}
    };
    static const struct slice body =
        SLICE_INIT("{\"error\":{\"message\":\"The gateway is out of memory.\","
                   "\"type\":\"server_error\",\"param\":null,\"code\":\"internal_error\"}}");

    if (server_reply_head(r, 500, headers, ARRAY_LEN(headers), (int64_t)body.len) < 0)
        server_reply_abort(r);
    else
        server_reply_end(r, &body, 1, SPANS_REQUEST);
}

static void chain_on_request(void *owner, struct server_request *r)
{
    struct exchange *x = exchange_new(owner, r);

    r->user = x;
    if (!x) {
        chain_answer_out_of_memory(r);
        return;
    }
    chain_route(x);
    chain_advance(x);
}

static enum fault_kind fault_of_status(int status)
{
    switch (status) {
    case 408:
        return FAULT_REQUEST_TIMEOUT;
    case 413:
        return FAULT_BODY_TOO_LARGE;
    case 414:
    case 431:
        return FAULT_HEADER_TOO_LARGE;
    case 501:
    case 505:
        return FAULT_NOT_IMPLEMENTED;
    case 503:
        return FAULT_INTERNAL;
    default:
        return FAULT_BAD_REQUEST;
    }
}

static void chain_on_reject(void *owner, struct server_request *r, int status, const char *why)
{
    struct exchange *x = exchange_new(owner, r);

    r->user = x;
    if (!x) {
        chain_answer_out_of_memory(r);
        return;
    }
    x->refusal = (struct exchange_refusal){fault_of_status(status), status, why};
    chain_advance(x);
}

static void chain_on_gone(void *owner, struct server_request *r)
{
    struct exchange *x = r->user;

    (void)owner;
    if (!x || x->settled)
        return;
    x->reply.ended = true;
    if (x->work.cancel)
        x->work.cancel(x);
    outcome_client_closed(x);
    exchange_settle(x);
}

static void chain_on_drained(void *owner, struct server_request *r)
{
    struct exchange *x = r->user;

    (void)owner;
    if (x && x->work.proceed && !x->reply.ended)
        x->work.proceed(x);
}

static void chain_on_done(void *owner, struct server_request *r, bool delivered)
{
    struct exchange *x = r->user;

    if (!x)
        return;
    chain_on_gone(owner, r); /* when the server closes on a request that runs */
    if (!delivered && x->outcome.status == OUTCOME_OK)
        outcome_client_closed(x);
    chain_end(x);
    r->user = NULL;
}

const struct server_events chain_server_events = {
    .on_request = chain_on_request,
    .on_reject = chain_on_reject,
    .on_gone = chain_on_gone,
    .on_drained = chain_on_drained,
    .on_done = chain_on_done,
};
