/* completion.c: one model call, from the decision to its settled end. See completion.h. */

#include "service/completion.h"

#include "router/dispatch.h"
#include "router/plan.h"
#include "router/registry.h"
#include "router/router.h"
#include "service/snapshot.h"

#include <errno.h>

enum { NAME_SHOWN = 256 }; /* of a model that does not exist: the client may send megabytes */

struct completion {
    struct dispatch dispatch;
};

static int refuse(struct fault *ret, enum fault_kind kind, struct slice message)
{
    *ret = (struct fault){.kind = kind, .message = message};
    return -EPERM;
}

/* May this principal use this model, and where can it be answered? */
static int completion_decide(const struct router *router, const struct completion_ask *ask,
                             struct arena *a, struct plan *ret, struct fault *ret_fault)
{
    const struct call *call = ask->call;
    const struct registry_model *model = registry_find(ask->snapshot->registry, call->model);

    if (!model) {
        struct slice name = slice_sub(call->model, 0, MIN(call->model.len, (size_t)NAME_SHOWN));
        struct slice text = arena_printf(a,
                                         "The model `%.*s` does not exist or you do not have "
                                         "access to it.",
                                         SLICE_FMT(name));
        return refuse(ret_fault, FAULT_MODEL_NOT_FOUND, text);
    }
    if (!principal_may_use(ask->principal, call->model))
        return refuse(ret_fault, FAULT_MODEL_NOT_ALLOWED, SLICE(""));
    if (plan_make(model, call->kind, router_view(router), a, ret) < 0)
        return refuse(ret_fault, FAULT_INTERNAL, SLICE(""));
    if (ret->len > 0)
        return OK;
    refuse(ret_fault, FAULT_MODEL_NOT_FOUND,
           SLICE("No provider of this model can answer this kind of request."));
    return -ENOTSUP;
}

int completion_start(struct router *router, const struct completion_ask *ask, struct arena *a,
                     struct completion **ret, struct fault *ret_fault)
{
    struct dispatch_ask what = {
        .call = ask->call,
        .request_id = ask->request_id,
        .traceparent = ask->traceparent,
        .early = ask->early,
        .sink = ask->sink,
        .outcome = ask->outcome,
        .started_us = ask->started_us,
        .patience_ms = ask->patience_ms,
    };

    int rc = completion_decide(router, ask, a, &what.plan, ret_fault);
    if (rc < 0)
        return rc;
    *ret = arena_new(a, struct completion);
    if (!*ret)
        return refuse(ret_fault, FAULT_INTERNAL, SLICE(""));
    return dispatch_start(&(*ret)->dispatch, router, &what, a, ret_fault);
}

void completion_proceed(struct completion *c)
{
    dispatch_proceed(&c->dispatch);
}

void completion_cancel(struct completion *c)
{
    dispatch_cancel(&c->dispatch);
}
