/* plan.c: where a call may go, in order. */

#include "router/plan.h"

#include "adapter/adapter.h"

#include <errno.h>

static size_t plan_room(const struct registry *registry, const struct registry_model *model)
{
    size_t room = model->targets_len;

    for (size_t i = 0; i < model->fallback_len; i++) {
        const struct registry_model *next = registry_find(registry, model->fallback[i]);
        room += next ? next->targets_len : 0;
    }
    return room;
}

static bool plan_has(const struct plan *plan, const struct target *target)
{
    for (size_t i = 0; i < plan->len; i++)
        if (plan->targets[i] == target)
            return true;
    return false;
}

static void plan_add_model(struct plan *plan, const struct registry_model *model,
                           enum call_kind kind)
{
    for (size_t i = 0; i < model->targets_len; i++) {
        const struct target *target = &model->targets[i];
        if (target->adapter->ops[kind] && !plan_has(plan, target))
            plan->targets[plan->len++] = target;
    }
}

int plan_make(const struct registry *registry, const struct registry_model *model,
              enum call_kind kind, struct arena *a, struct plan *ret)
{
    ret->len = 0;
    ret->targets = arena_new_array(a, const struct target *, plan_room(registry, model));
    if (!ret->targets)
        return -ENOMEM;

    plan_add_model(ret, model, kind);
    for (size_t i = 0; i < model->fallback_len; i++) {
        const struct registry_model *next = registry_find(registry, model->fallback[i]);
        if (next)
            plan_add_model(ret, next, kind);
    }
    return OK;
}
