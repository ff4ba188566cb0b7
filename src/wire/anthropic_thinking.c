/* anthropic_thinking.c: efforts, budgets and the room that they need.
 *
 * The client's own `thinking` is passed on as it is. An effort of OpenAI's is a wish: where
 * thinking would be refused (a budget that does not fit, a loop of tools whose turns came back
 * without what was thought in them, an answer that is begun already) it is let go. */

#include "wire/anthropic_thinking.h"

enum { BUDGET_LEAST = 1024 };

static const uint64_t budgets[] = {
    [CHAT_EFFORT_MINIMAL] = BUDGET_LEAST, [CHAT_EFFORT_LOW] = 2048,  [CHAT_EFFORT_MEDIUM] = 8192,
    [CHAT_EFFORT_HIGH] = 16384,           [CHAT_EFFORT_MAX] = 32768,
};

enum chat_effort thinking_effort_of(uint64_t budget)
{
    if (budget < 4096)
        return CHAT_EFFORT_LOW;
    return budget < 12288 ? CHAT_EFFORT_MEDIUM : CHAT_EFFORT_HIGH;
}

static struct slice effort_name(enum chat_effort effort)
{
    static const struct slice names[] = {
        [CHAT_EFFORT_UNSET] = {0},
        [CHAT_EFFORT_NONE] = {0},
        [CHAT_EFFORT_MINIMAL] = SLICE_INIT("low"),
        [CHAT_EFFORT_LOW] = SLICE_INIT("low"),
        [CHAT_EFFORT_MEDIUM] = SLICE_INIT("medium"),
        [CHAT_EFFORT_HIGH] = SLICE_INIT("high"),
        [CHAT_EFFORT_MAX] = SLICE_INIT("max"),
    };
    return names[effort];
}

static bool begins_thinking(const struct chat_message *m)
{
    const struct chat_block *b = m->blocks;

    return b && (b->kind == CHAT_REDACTED_THINKING ||
                 (b->kind == CHAT_THINKING && b->thinking.signature.len > 0));
}

/* Each turn of a running loop of tools must begin with what was thought in it. The last message
 * must be the user's. */
static bool may_think_by_budget(const struct chat *c)
{
    bool lacks = false, users = false;

    for (const struct chat_message *m = c->messages; m; m = m->next) {
        users = m->role == CHAT_USER;
        if (users && !chat_message_has(m, CHAT_TOOL_RESULT))
            lacks = false;
        else if (!users && chat_message_has(m, CHAT_TOOL_USE))
            lacks |= !begins_thinking(m);
    }
    return users && !lacks;
}

/* A quarter is left for the answer. 0: there is no room to think. */
static uint64_t budget_within(uint64_t budget, uint64_t max_tokens)
{
    budget = MAX(MIN(budget, max_tokens - max_tokens / 4), (uint64_t)BUDGET_LEAST);
    return budget < max_tokens ? budget : 0;
}

static uint64_t at_most(uint64_t tokens, uint64_t limit)
{
    return limit > 0 ? MIN(tokens, limit) : tokens;
}

static void plan_effort(const struct chat *c, const struct wire_options *o,
                        struct thinking_plan *ret)
{
    if (c->effort <= CHAT_EFFORT_NONE || o->reasoning == WIRE_REASONING_UNKNOWN)
        return;
    if (o->reasoning == WIRE_REASONING_BUDGET) {
        ret->budget =
            may_think_by_budget(c) ? budget_within(budgets[c->effort], ret->max_tokens) : 0;
        ret->on = ret->budget > 0;
        return;
    }
    ret->adaptive = ret->on = o->reasoning == WIRE_REASONING_ADAPTIVE;
    ret->effort = effort_name(c->effort);
}

struct thinking_plan thinking_plan_of(const struct chat *c, const struct wire_options *o)
{
    struct thinking_plan plan = {
        .max_tokens = c->max_tokens > 0 ? c->max_tokens : o->max_tokens_default,
    };

    if (c->thinking.len > 0) {
        plan.member = c->thinking;
        plan.on = c->thinking_on;
        /* a client that named no maximum means the answer alone by our default */
        if (c->max_tokens == 0)
            plan.max_tokens += MIN(c->thinking_budget, UINT64_MAX / 2);
        if (o->reasoning == WIRE_REASONING_EFFORT || o->reasoning == WIRE_REASONING_ADAPTIVE)
            plan.effort = effort_name(c->effort);
    }
    plan.max_tokens = at_most(plan.max_tokens, o->max_tokens_limit);
    if (c->thinking.len == 0)
        plan_effort(c, o, &plan);
    return plan;
}
