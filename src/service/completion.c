/* completion.c: one model call, from the decision to its settled end. See completion.h. */

#include "service/completion.h"

#include "router/plan.h"
#include "router/registry.h"
#include "router/router.h"
#include "service/completion_private.h"
#include "service/snapshot.h"

#include <errno.h>

enum { NAME_SHOWN = 256 }; /* of a model that does not exist: the client may send megabytes */

static int refuse(struct fault *ret, enum fault_kind kind, struct slice message)
{
    *ret = (struct fault){.kind = kind, .message = message};
    return -EPERM;
}

/* May this principal use this model? NULL: *ret_fault says why not. */
static const struct registry_model *completion_decide(const struct completion_ask *ask,
                                                      struct arena *a, struct fault *ret_fault)
{
    const struct call *call = ask->call;
    const struct registry_model *model = registry_find(ask->snapshot->registry, call->model);

    if (!model) {
        struct slice name = slice_sub(call->model, 0, MIN(call->model.len, (size_t)NAME_SHOWN));
        struct slice text = arena_printf(a,
                                         "The model `%.*s` does not exist or you do not have "
                                         "access to it.",
                                         SLICE_FMT(name));
        refuse(ret_fault, FAULT_MODEL_NOT_FOUND, text);
        return NULL;
    }
    if (principal_may_use(ask->principal, call->model))
        return model;
    refuse(ret_fault, FAULT_MODEL_NOT_ALLOWED, SLICE(""));
    return NULL;
}

int completion_ask_router(struct completion *c, const struct completion_ask *ask,
                          const struct registry_model *model, struct arena *a,
                          struct fault *ret_fault)
{
    struct dispatch_ask what = {
        .call = ask->call,
        .request_id = ask->request_id,
        .traceparent = ask->traceparent,
        .traced = ask->traced,
        .early = ask->early,
        .sink = ask->sink,
        .outcome = ask->outcome,
        .started_us = ask->started_us,
        .patience_ms = ask->patience_ms,
    };

    if (plan_make(model, ask->call->kind, router_view(c->router), a, &what.plan) < 0)
        return refuse(ret_fault, FAULT_INTERNAL, SLICE(""));
    if (what.plan.len > 0)
        return dispatch_start(&c->dispatch, c->router, &what, a, ret_fault);
    refuse(ret_fault, FAULT_MODEL_NOT_FOUND,
           SLICE("No provider of this model can answer this kind of request."));
    return -ENOTSUP;
}

static int completion_ask_cache(struct completion *c, const struct completion_ask *ask,
                                const struct registry_model *model, struct arena *a,
                                struct fault *ret_fault)
{
    c->cached = arena_new(a, struct cached_completion);
    if (!c->cached)
        return refuse(ret_fault, FAULT_INTERNAL, SLICE(""));
    c->cached->ask = *ask;
    c->cached->completion = c;
    c->cached->model = model;
    c->cached->arena = a;
    return cached_completion_start(c->cached, ret_fault);
}

int completion_start(struct router *router, const struct completion_ask *ask, struct arena *a,
                     struct completion **ret, struct fault *ret_fault)
{
    const struct registry_model *model = completion_decide(ask, a, ret_fault);

    if (!model)
        return -EPERM;
    struct completion *c = *ret = arena_new(a, struct completion);
    if (!c)
        return refuse(ret_fault, FAULT_INTERNAL, SLICE(""));
    c->router = router;
    if (UNLIKELY(model->cache_ms > 0) && ask->cache)
        return completion_ask_cache(c, ask, model, a, ret_fault);
    return completion_ask_router(c, ask, model, a, ret_fault);
}

void completion_proceed(struct completion *c)
{
    if (!c->cached || !cached_completion_proceed(c->cached))
        dispatch_proceed(&c->dispatch);
}

void completion_cancel(struct completion *c)
{
    if (!c->cached || !cached_completion_cancel(c->cached))
        dispatch_cancel(&c->dispatch);
}
