/* exchange.c: what the gates and handlers ask of a request. */

#include "web/exchange.h"

#include "web/chain.h"

#include "base/clock.h"
#include "codec/url.h"
#include "wire/call_reader.h"

static size_t slots_bytes(const struct chain *chain)
{
    size_t n = 0;

    for (const struct middleware *const *gate = chain->middlewares; *gate; gate++)
        n += ((*gate)->slot_bytes + 15) & ~(size_t)15;
    return n;
}

struct exchange *exchange_new(const struct chain *chain, struct server_request *r)
{
    size_t own = (sizeof(struct exchange) + 15) & ~(size_t)15;
    struct header *headers = arena_new_array(&r->early, struct header, EXCHANGE_HEADERS);
    struct exchange *x = arena_zalloc(&r->arena, own + slots_bytes(chain));

    if (!x || !headers)
        return NULL;
    x->headers = headers;
    x->request = r;
    x->arena = &r->arena;
    x->early = &r->early;
    x->chain = chain;
    x->services = chain->services;
    x->wall_us = clock_wall_us();

    char *slot = (char *)x + own;
    for (size_t i = 0; chain->middlewares[i]; i++) {
        x->slots[i] = slot;
        slot += (chain->middlewares[i]->slot_bytes + 15) & ~(size_t)15;
    }
    return x;
}

void *exchange_slot(const struct exchange *x, const struct middleware *gate)
{
    for (size_t i = 0; x->chain->middlewares[i]; i++)
        if (x->chain->middlewares[i] == gate)
            return x->slots[i];
    return NULL;
}

void exchange_header(struct exchange *x, struct slice name, struct slice value)
{
    if (x->headers && x->headers_len < EXCHANGE_HEADERS)
        x->headers[x->headers_len++] = (struct header){name, value};
}

struct slice exchange_field(const struct exchange *x, struct slice name)
{
    return headers_get(&x->request->headers, name);
}

struct slice exchange_bearer(const struct exchange *x)
{
    struct slice scheme = SLICE("bearer "), name = SLICE("authorization");
    struct slice field = exchange_field(x, name);

    if (headers_count(&x->request->headers, name) > 1) /* which is meant is not ours to guess */
        return SLICE("");
    if (field.len > scheme.len && slice_eq_nocase(slice_sub(field, 0, scheme.len), scheme))
        return slice_trim(slice_sub(field, scheme.len, field.len));
    return exchange_field(x, SLICE("x-api-key"));
}

enum dialect exchange_dialect(const struct exchange *x)
{
    if (x->route && x->route->has_call)
        return x->route->dialect;
    if (slice_starts(x->request->path, SLICE("/v1/messages")))
        return DIALECT_MESSAGES;
    return call_dialect(&x->request->headers);
}

enum { MICROSECONDS = 1000000 };

enum { PATIENCE_MOST_MS = 24 * 3600 * 1000 };

bool exchange_patience(const struct exchange *x, uint64_t *ret_ms, struct fault *ret_fault)
{
    const struct slice name = SLICE("x-request-timeout-ms");
    struct slice text = exchange_field(x, name);

    *ret_ms = 0;
    if (slice_is_empty(text))
        return true;
    if (slice_to_u64(text, ret_ms) == OK && *ret_ms > 0 && *ret_ms <= PATIENCE_MOST_MS)
        return true;
    *ret_fault = (struct fault){
        .kind = FAULT_INVALID_VALUE,
        .param = name,
        .message = SLICE("x-request-timeout-ms must be a whole number from 1 to 86400000."),
    };
    return false;
}

const struct call *exchange_call(struct exchange *x, struct fault *ret_fault)
{
    if (x->call)
        return x->call;
    struct call *call = arena_new(x->arena, struct call);
    if (!call) {
        *ret_fault = (struct fault){.kind = FAULT_INTERNAL};
        return NULL;
    }
    call->kind = x->route->kind;
    if (!call_read(call, x->request->body, x->arena, ret_fault))
        return NULL;
    call->created = x->wall_us / MICROSECONDS;
    if (call_take_headers(call, &x->request->headers, x->early) < 0) {
        *ret_fault = (struct fault){.kind = FAULT_INTERNAL};
        return NULL;
    }
    x->outcome.requested_model = call->model;
    x->outcome.stream = call->stream;
    return x->call = call;
}

void exchange_forget_request(struct exchange *x)
{
    struct slice *model = &x->outcome.requested_model, kept = arena_copy(x->arena, *model);

    if (!kept.at)
        return;
    *model = kept;
    if (x->call) {
        x->call->model = kept;
        x->call->body = (struct slice){0};
    }
    x->headers = NULL;
    x->headers_len = 0;
    server_request_forget(x->request);
}

struct slice exchange_path_tail(struct exchange *x)
{
    struct slice tail;

    if (!route_tail(x->route, x->request->path, &tail))
        return SLICE("");
    return url_decode(tail, false, x->arena);
}

uint64_t exchange_age_us(const struct exchange *x)
{
    return clock_now_us() - x->request->started_us;
}
