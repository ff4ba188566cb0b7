/* rate_limit.c: takes from the key's quota at the door, gives back at the end.
 *
 * A key may have limits for the model that is asked for, too. Then that is taken first: what it
 * refuses has cost the key nothing; and when the key's own limits refuse, it is undone. */

#include "middleware/rate_limit.h"

#include "base/fmt.h"
#include "model/key_limits.h"
#include "service/limiter.h"
#include "service/meter.h"
#include "service/services.h"
#include "web/exchange.h"
#include "web/problem.h"

#include <errno.h>

/* What is taken of a key's limits for one model; in the exchange's arena. */
struct model_limit {
    struct limiter_take take;
    struct exchange *x;
    struct principal limits; /* those of the model, under a number of their own */
};

struct rate_limit {
    struct limiter_take take;
    struct exchange *x;
    struct model_limit *model; /* NULL: there are none */
};

/* --- what the answer tells --- */

struct field_names {
    struct slice limit, remaining, reset;
};

static const struct field_names requests_names = {
    SLICE_INIT("x-ratelimit-limit-requests"),
    SLICE_INIT("x-ratelimit-remaining-requests"),
    SLICE_INIT("x-ratelimit-reset-requests"),
};
static const struct field_names tokens_names = {
    SLICE_INIT("x-ratelimit-limit-tokens"),
    SLICE_INIT("x-ratelimit-remaining-tokens"),
    SLICE_INIT("x-ratelimit-reset-tokens"),
};

static void add_numbers(struct exchange *x, const struct field_names *names,
                        const struct quota_numbers *n)
{
    struct texts {
        char limit[20], remaining[20], reset[24];
    };

    if (n->limit == 0)
        return;
    struct texts *t = arena_alloc(x->early, sizeof(*t));
    if (!t)
        return;
    exchange_header(x, names->limit, slice_of(t->limit, fmt_u64(t->limit, n->limit)));
    exchange_header(x, names->remaining,
                    slice_of(t->remaining, fmt_u64(t->remaining, n->remaining)));
    exchange_header(x, names->reset, slice_of(t->reset, fmt_duration(t->reset, n->reset_ms)));
}

/* Of two that count the same the one that is used up first. */
static struct quota_numbers tighter(struct quota_numbers a, struct quota_numbers b)
{
    return b.limit && (!a.limit || b.remaining < a.remaining) ? b : a;
}

static void add_all_numbers(struct exchange *x, const struct quota_verdict *key,
                            const struct quota_verdict *model)
{
    struct quota_numbers requests = tighter(key->requests, model->requests);
    struct quota_numbers tokens = tighter(key->tokens, model->tokens);

    add_numbers(x, &requests_names, &requests);
    add_numbers(x, &tokens_names, &tokens);
}

/* of: whose limits they are; the model's name, empty: the key's own. */
static enum mw rate_limit_refuse(struct exchange *x, const struct principal *p,
                                 const struct quota_verdict *v, struct slice of)
{
    static const struct {
        enum fault_kind kind;
        const char *what;
    } limits[] = {
        [QUOTA_REQUESTS] = {FAULT_LIMIT_REQUESTS,    "requests per minute"},
        [QUOTA_TOKENS] = {FAULT_LIMIT_TOKENS,      "tokens per minute"  },
        [QUOTA_CONCURRENCY] = {FAULT_LIMIT_CONCURRENCY, "concurrent requests"},
    };
    uint64_t most = v->refused == QUOTA_REQUESTS ? v->requests.limit
                    : v->refused == QUOTA_TOKENS ? v->tokens.limit
                                                 : p->concurrency;
    struct fault fault = {limits[v->refused].kind, .retry_after_ms = v->retry_after_ms};
    char wait[24];
    size_t wait_len = fmt_duration(wait, v->retry_after_ms);

    fault.message = arena_printf(
        x->arena, "Rate limit reached for %s%s%.*s: limit %llu. Please try again in %.*s.",
        limits[v->refused].what, of.len ? " of " : "", SLICE_FMT(of), (unsigned long long)most,
        (int)wait_len, wait);
    return problem_answer_fault(x, &fault);
}

/* --- taking and giving back --- */

static uint64_t tokens_to_reserve(const struct call *call)
{
    uint64_t answer = call->max_tokens ? call->max_tokens : RESERVE_DEFAULT;

    if (call->kind == CALL_COUNT_TOKENS)
        return 0;
    if (call->kind == CALL_EMBEDDINGS)
        return call->prompt_estimate;
    return call->prompt_estimate + MIN(answer, (uint64_t)RESERVE_MOST);
}

static void count_verdict(const struct exchange *x, const struct quota_verdict *v)
{
    static const enum meter_counter counters[] = {
        [QUOTA_OK] = METER_LIMITER_TAKEN,
        [QUOTA_REQUESTS] = METER_LIMITER_REQUESTS,
        [QUOTA_TOKENS] = METER_LIMITER_TOKENS,
        [QUOTA_CONCURRENCY] = METER_LIMITER_CONCURRENCY,
    };

    meter_count(x->services->meter, counters[v->refused], 1);
}

static enum mw rate_limit_fail(struct exchange *x, int rc)
{
    meter_count(x->services->meter, METER_LIMITER_FAILED, 1);
    return problem_answer(x, rc == -ENOTCONN ? FAULT_LIMITER_AWAY : FAULT_INTERNAL);
}

static enum mw rate_limit_decide(struct rate_limit *state, int rc)
{
    static const struct quota_verdict none = {0};
    struct exchange *x = state->x;
    const struct quota_verdict *v = &state->take.verdict;

    if (state->model && (rc < 0 || v->refused != QUOTA_OK))
        limiter_undo(x->services->limiter, &state->model->take);
    if (rc < 0)
        return rate_limit_fail(x, rc);
    count_verdict(x, v);
    add_all_numbers(x, v, state->model ? &state->model->take.verdict : &none);
    return v->refused == QUOTA_OK ? MW_NEXT : rate_limit_refuse(x, x->principal, v, SLICE(""));
}

static void rate_limit_on_decided(struct op *op, int rc)
{
    struct limiter_take *t = container_of(op, struct limiter_take, op);
    struct rate_limit *state = container_of(t, struct rate_limit, take);

    exchange_resume(state->x, rate_limit_decide(state, rc));
}

static enum mw rate_limit_take(struct exchange *x, const struct principal *p, uint64_t tokens)
{
    struct rate_limit *state = exchange_slot(x, &middleware_rate_limit);

    state->x = x;
    state->take.op.done = rate_limit_on_decided;
    int rc = limiter_take(x->services->limiter, &state->take, p, tokens);
    return rc == AGAIN ? MW_WAIT : rate_limit_decide(state, rc);
}

/* --- limits for one model --- */

static enum mw model_decide(struct model_limit *m, int rc)
{
    struct exchange *x = m->x;
    const struct quota_verdict *v = &m->take.verdict;

    if (rc < 0)
        return rate_limit_fail(x, rc);
    if (v->refused == QUOTA_OK)
        return rate_limit_take(x, x->principal, tokens_to_reserve(x->call));
    count_verdict(x, v);
    add_numbers(x, &requests_names, &v->requests);
    add_numbers(x, &tokens_names, &v->tokens);
    return rate_limit_refuse(x, &m->limits, v, x->call->model);
}

static void model_on_decided(struct op *op, int rc)
{
    struct limiter_take *t = container_of(op, struct limiter_take, op);
    struct model_limit *m = container_of(t, struct model_limit, take);

    exchange_resume(m->x, model_decide(m, rc));
}

static enum mw model_take(struct exchange *x, const struct key_limit *limit)
{
    struct rate_limit *state = exchange_slot(x, &middleware_rate_limit);
    struct model_limit *m = arena_new(x->arena, struct model_limit);

    if (!m)
        return problem_answer(x, FAULT_INTERNAL);
    m->x = x;
    m->take.op.done = model_on_decided;
    m->limits = (struct principal){.key_id = key_limits_id(x->principal->key_id, limit->model),
                                   .rpm = limit->rpm,
                                   .tpm = limit->tpm,
                                   .concurrency = limit->concurrency};
    state->model = m;
    int rc = limiter_take(x->services->limiter, &m->take, &m->limits, tokens_to_reserve(x->call));
    return rc == AGAIN ? MW_WAIT : model_decide(m, rc);
}

/* --- the gate --- */

/* What calls no model is a request like any other, but asks for no tokens: a key that has used up
 * its own may still see the list of models. */
static enum mw rate_limit_take_request(struct exchange *x)
{
    struct principal p = *x->principal;

    p.tpm = 0;
    return rate_limit_take(x, &p, 0);
}

static enum mw rate_limit_on_request(struct exchange *x)
{
    struct fault fault;

    if (!x->principal)
        return MW_NEXT;
    if (!x->route || !x->route->has_call)
        return rate_limit_take_request(x);

    const struct call *call = exchange_call(x, &fault);
    if (!call)
        return problem_answer_fault(x, &fault);
    struct key_limit limit;
    if (key_limits_find(x->principal->model_limits, call->model, &limit))
        return model_take(x, &limit);
    return rate_limit_take(x, x->principal, tokens_to_reserve(call));
}

/* Tokens that the exchange truly cost. A provider that was at work and told nothing has used what
 * was reserved, for all we know: else hanging up early would be free. */
static uint64_t tokens_used(const struct outcome *o, const struct limiter_take *t)
{
    bool answered = o->status == OUTCOME_OK || o->status == OUTCOME_INTERRUPTED ||
                    o->status == OUTCOME_CLIENT_CLOSED;

    if (o->usage.source == USAGE_NONE && o->attempts > 0 && answered)
        return limiter_reserved(t);
    return usage_prompt(&o->usage) + usage_completion(&o->usage);
}

static void settle(struct exchange *x, struct limiter_take *t)
{
    if (limiter_holds(t))
        limiter_settle(x->services->limiter, t, tokens_used(&x->outcome, t));
}

static void rate_limit_on_settle(struct exchange *x)
{
    struct rate_limit *state = exchange_slot(x, &middleware_rate_limit);

    settle(x, &state->take);
    if (state->model)
        settle(x, &state->model->take);
}

const struct middleware middleware_rate_limit = {
    .name = "rate_limit",
    .slot_bytes = sizeof(struct rate_limit),
    .on_request = rate_limit_on_request,
    .on_settle = rate_limit_on_settle,
};
