/* remote_steps.c: what Redis is told and nobody waits for: settlements, renewals, who is there.
 *
 * A settlement that Redis could not be told is owed until there is a connection again. Was it sent
 * and its answer lost, then only the place is given back once more, since that can be done twice;
 * the tokens stay as they were reserved until they leave the window. */

#include "service/remote_limiter.h"

#include "service/quota_window.h"

#include <errno.h>
#include <stdlib.h>

enum { OWED_MOST = 4096, TICKS_A_LEASE = 3 };

struct remote_step {
    struct limit_call call;
    struct remote_limiter *limiter;
    struct list node;
    uint64_t since_ms;
    struct limit_settlement what;
};

static struct remote_step *step_new(struct remote_limiter *r, void (*done)(struct op *op, int rc))
{
    struct remote_step *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->limiter = r;
    s->call.op.done = done;
    list_init(&s->node);
    s->since_ms = loop_now_ms(r->loop);
    return s;
}

static void step_free(struct remote_step *s)
{
    list_remove(&s->node);
    free(s);
}

/* --- settlements --- */

static void give_up(struct remote_step *s)
{
    s->limiter->figures.forgotten++;
    step_free(s);
}

static void owe(struct remote_step *s)
{
    struct remote_limiter *r = s->limiter;

    list_remove(&s->node);
    if (r->figures.unsettled == OWED_MOST) {
        r->figures.unsettled--;
        give_up(list_entry(r->owed.next, struct remote_step, node));
    }
    r->figures.unsettled++;
    list_add_tail(&r->owed, &s->node);
}

static void on_settled(struct op *op, int rc)
{
    struct remote_step *s = container_of(op, struct remote_step, call.op);

    if (rc == OK) {
        step_free(s);
    } else if (rc == -EREMOTEIO) {
        give_up(s);
    } else {
        if (rc == -ECONNRESET)
            s->what.request_entry = s->what.token_entry = 0;
        owe(s);
    }
}

static void settle(struct remote_step *s)
{
    struct remote_limiter *r = s->limiter;
    int rc = limit_repo_settle(r->repo, &s->call, &s->what);

    if (rc == AGAIN)
        list_add_tail(&r->steps, &s->node);
    else
        owe(s);
}

void remote_tell_settlement(struct remote_limiter *r, const struct limit_settlement *what)
{
    bool tokens = what->token_entry && what->reserved != what->used;

    if (!what->lease && !what->request_entry && !tokens)
        return;
    struct remote_step *s = step_new(r, on_settled);
    if (!s) {
        r->figures.forgotten++;
        return;
    }
    s->what = *what;
    settle(s);
}

void remote_owe_place(struct remote_limiter *r, int64_t key_id, uint64_t place)
{
    struct remote_step *s = step_new(r, on_settled);

    if (!s) {
        r->figures.forgotten++;
        return;
    }
    s->what = (struct limit_settlement){.key_id = key_id, .lease = place};
    owe(s);
}

/* What is owed for longer has become free by itself. */
static bool is_outdated(const struct remote_step *s)
{
    uint64_t age_ms = loop_now_ms(s->limiter->loop) - s->since_ms;

    return age_ms > MAX((uint64_t)QUOTA_WINDOW_MS, s->limiter->policy.lease_ms);
}

void remote_tell_owed(struct remote_limiter *r)
{
    for (uint64_t n = r->figures.unsettled; n > 0; n--) {
        struct remote_step *s = list_entry(r->owed.next, struct remote_step, node);
        list_remove(&s->node);
        r->figures.unsettled--;
        if (is_outdated(s))
            give_up(s);
        else
            settle(s);
    }
}

/* --- who is there --- */

static void on_told(struct op *op, int rc)
{
    struct remote_step *s = container_of(op, struct remote_step, call.op);

    (void)rc; /* the next tick is soon */
    step_free(s);
}

static void on_announced(struct op *op, int rc)
{
    struct remote_step *s = container_of(op, struct remote_step, call.op);

    if (rc == OK)
        s->limiter->figures.instances = s->call.instances;
    step_free(s);
}

void remote_announce(struct remote_limiter *r)
{
    struct remote_step *s = step_new(r, on_announced);

    if (!s)
        return;
    if (limit_repo_announce(r->repo, &s->call, r->policy.lease_ms) == AGAIN)
        list_add_tail(&r->steps, &s->node);
    else
        step_free(s);
}

static void renew(void *owner, const struct limit_renewal *what)
{
    struct remote_limiter *r = owner;
    struct remote_step *s = step_new(r, on_told);

    if (!s)
        return;
    if (limit_repo_renew(r->repo, &s->call, what) == AGAIN)
        list_add_tail(&r->steps, &s->node);
    else
        step_free(s);
}

void remote_tick(struct timer *t)
{
    struct remote_limiter *r = container_of(t, struct remote_limiter, tick);
    struct limit_renewal what = {.lease_ms = r->policy.lease_ms};

    timer_set(t, r->policy.lease_ms / TICKS_A_LEASE); /* it fired now: there is room for it */
    if (!limit_repo_is_up(r->repo))
        return;
    remote_tell_owed(r);
    remote_announce(r);
    remote_places_each(&r->places, &what, renew, r);
}

static void free_all(struct list *steps)
{
    list_for_each_safe(it, steps) step_free(list_entry(it, struct remote_step, node));
}

void remote_free_steps(struct remote_limiter *r)
{
    free_all(&r->steps);
    free_all(&r->owed);
}
