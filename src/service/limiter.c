/* limiter.c: the memory limiter, or Redis and what to do without it. */

#include "service/limiter.h"

#include "base/clock.h"
#include "service/remote_limiter.h"

#include <errno.h>
#include <stdlib.h>

struct limiter {
    struct quota *quota;
    struct remote_limiter *remote; /* NULL: the memory limiter alone */
    uint64_t taken;
};

int limiter_new(const struct limiter_options *options, struct limiter **ret)
{
    struct limiter *l = calloc(1, sizeof(*l));
    int rc = OK;

    if (!l)
        return -ENOMEM;
    l->quota = options->quota;
    if (!secret_is_empty(options->redis))
        rc = remote_limiter_new(options, &l->remote);
    if (rc < 0)
        free(l);
    else
        *ret = l;
    return rc;
}

void limiter_free(struct limiter *l)
{
    if (!l)
        return;
    remote_limiter_free(l->remote);
    free(l);
}

void limiter_set_policy(struct limiter *l, const struct limiter_policy *policy)
{
    if (l->remote)
        l->remote->policy = *policy;
}

void limiter_figures(const struct limiter *l, struct limiter_figures *ret)
{
    *ret = (struct limiter_figures){.by_local = l->taken};
    if (!l->remote)
        return;
    *ret = l->remote->figures;
    ret->shared = true;
    ret->reached = remote_is_reached(l->remote);
    ret->why = remote_why(l->remote);
}

bool limiter_is_quiet(const struct limiter *l)
{
    const struct remote_limiter *r = l->remote;

    return !r || !remote_is_reached(r) || (list_is_empty(&r->takes) && list_is_empty(&r->steps));
}

int limiter_take(struct limiter *l, struct limiter_take *t, const struct principal *p,
                 uint64_t tokens)
{
    if (l->remote)
        return remote_limiter_take(l->remote, t, p, tokens);
    l->taken++;
    return quota_take(l->quota, p, tokens, clock_now_ms(), &t->lease, &t->verdict);
}

void limiter_settle(struct limiter *l, struct limiter_take *t, uint64_t tokens)
{
    quota_settle(l->quota, &t->lease, tokens, clock_now_ms());
    if (l->remote)
        remote_limiter_settle(l->remote, t, tokens);
}

void limiter_undo(struct limiter *l, struct limiter_take *t)
{
    quota_undo(l->quota, &t->lease, clock_now_ms());
    if (l->remote)
        remote_limiter_undo(l->remote, t);
}
