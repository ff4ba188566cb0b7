/* plan.c: where a call may go, in order. */

#include "router/plan.h"

#include "adapter/adapter.h"

#include <errno.h>

/* What is gathered while the chain of models is walked. */
struct planning {
    const struct plan_view *view;
    enum call_kind kind;
    struct plan *plan;
    uint64_t *calls;              /* at each of the plan's targets */
    const struct target *nearest; /* of those whose circuit is open */
    uint64_t nearest_ms;
};

static size_t plan_room(const struct registry_model *model)
{
    size_t room = model->targets_len;

    for (size_t i = 0; i < model->fallback_len; i++)
        room += model->fallback[i]->targets_len;
    return room + 1; /* the nearest of those that rest, when all do */
}

static bool is_among(const struct target *target, const struct target **targets, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (targets[i] == target)
            return true;
    return false;
}

static bool plan_has(const struct plan *plan, const struct target *target)
{
    return is_among(target, plan->targets, plan->len) ||
           is_among(target, plan->resting, plan->resting_len);
}

/* Behind those of the same model (from `first` on) that have no more calls than it. */
static void plan_insert(struct planning *p, size_t first, const struct target *target,
                        uint64_t calls)
{
    size_t at = p->plan->len++;

    for (; at > first && p->calls[at - 1] > calls; at--) {
        p->plan->targets[at] = p->plan->targets[at - 1];
        p->calls[at] = p->calls[at - 1];
    }
    p->plan->targets[at] = target;
    p->calls[at] = calls;
}

/* They stand at the end of the targets' place, the last one found first. */
static void plan_let_rest(struct planning *p, const struct target *target, uint64_t wait_ms)
{
    *--p->plan->resting = target;
    p->plan->resting_len++;
    if (!p->nearest || wait_ms < p->nearest_ms) {
        p->nearest = target;
        p->nearest_ms = wait_ms;
    }
}

static void plan_add_model(struct planning *p, const struct registry_model *model)
{
    size_t first = p->plan->len;

    for (size_t i = 0; i < model->targets_len; i++) {
        const struct target *target = &model->targets[i];
        if (!target->adapter->ops[p->kind] || plan_has(p->plan, target))
            continue;
        struct plan_health health = p->view->look(p->view, target);
        if (health.wait_ms == 0)
            plan_insert(p, first, target, health.outstanding);
        else
            plan_let_rest(p, target, health.wait_ms);
    }
}

int plan_make(const struct registry_model *model, enum call_kind kind, const struct plan_view *view,
              struct arena *a, struct plan *ret)
{
    struct planning p = {.view = view, .kind = kind, .plan = ret};
    size_t room = plan_room(model);

    *ret = (struct plan){.model = model};
    ret->targets = arena_new_array(a, const struct target *, room);
    p.calls = arena_new_array(a, uint64_t, room);
    if (!ret->targets || !p.calls)
        return -ENOMEM;
    ret->resting = ret->targets + room;

    plan_add_model(&p, model);
    for (size_t i = 0; i < model->fallback_len; i++)
        plan_add_model(&p, model->fallback[i]);
    if (ret->len == 0 && p.nearest) {
        ret->targets[ret->len++] = p.nearest;
        ret->rest_ms = p.nearest_ms;
    }
    return OK;
}

uint64_t plan_rest_ms(const struct plan *plan, const struct plan_view *view)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < plan->resting_len; i++)
        least = MIN(least, view->look(view, plan->resting[i]).wait_ms);
    return plan->resting_len ? MAX(least, (uint64_t)1) : 1;
}
