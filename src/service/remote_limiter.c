/* remote_limiter.c: what one request takes from Redis.
 *
 *   WAITS → HELD → settled             Redis answered in time
 *     ├──→ LATE → HELD | settled       it did not: the policy let the request in, and what Redis
 *     │                                says later holds
 *     └──→ UNDONE                      the policy refused it, or its client left
 *
 *   WAITS  → HELD     [on_answer]
 *   WAITS  → LATE     [on_deadline]    the request goes on
 *   LATE   → HELD     [on_answer]      as if it had come in time: settled at the end of the request
 *   LATE   → settled  [on_answer]      the request has ended meanwhile
 *   WAITS  → UNDONE   [forsake]        taken back when Redis says that it was taken
 *
 * A take that Redis may have carried out before the connection was lost leaves a place at most; it
 * is given back when there is a connection again. */

#include "service/remote_limiter.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>

/* --- without Redis --- */

static uint64_t share_of(uint64_t limit, uint64_t instances)
{
    return limit ? MAX(limit / instances, 1u) : 0;
}

static struct principal principal_of(const struct limit_ask *ask, uint64_t instances)
{
    return (struct principal){.key_id = ask->key_id,
                              .rpm = share_of(ask->rpm, instances),
                              .tpm = share_of(ask->tpm, instances),
                              .concurrency = share_of(ask->concurrency, instances)};
}

/* The memory limiter counts along. It has no say, so if it lacks memory it misses one. */
static void count_along(struct remote_limiter *r, struct limiter_take *t,
                        const struct limit_ask *ask)
{
    struct principal p = principal_of(ask, 1);

    if (quota_count(r->quota, &p, ask->tokens, clock_now_ms(), &t->lease) < 0)
        t->lease.held = false;
}

static int decide_locally(struct remote_limiter *r, struct limiter_take *t,
                          const struct limit_ask *ask)
{
    uint64_t instances = r->policy.instances ? r->policy.instances : r->figures.instances;
    struct principal p = principal_of(ask, MAX(instances, 1u));

    r->figures.by_local++;
    return quota_take(r->quota, &p, ask->tokens, clock_now_ms(), &t->lease, &t->verdict);
}

static int decide_alone(struct remote_limiter *r, struct limiter_take *t,
                        const struct limit_ask *ask)
{
    switch (r->policy.on_failure) {
    case LIMITER_OPEN:
        r->figures.by_open++;
        count_along(r, t, ask);
        return OK;
    case LIMITER_CLOSED:
        r->figures.by_closed++;
        return -ENOTCONN;
    case LIMITER_LOCAL:
        break;
    }
    return decide_locally(r, t, ask);
}

/* --- what Redis says --- */

static void forget(struct remote_take *a)
{
    timer_stop(&a->deadline);
    list_remove(&a->node);
    free(a);
}

static struct quota_numbers numbers(uint64_t limit, uint64_t left, uint64_t reset_ms)
{
    return limit ? (struct quota_numbers){limit, left, reset_ms} : (struct quota_numbers){0};
}

static void tell_verdict(struct limiter_take *t, const struct limit_ask *ask,
                         const struct limit_answer *answer)
{
    static const enum quota_limit limits[] = {
        [LIMIT_TAKEN] = QUOTA_OK,
        [LIMIT_REQUESTS] = QUOTA_REQUESTS,
        [LIMIT_TOKENS] = QUOTA_TOKENS,
        [LIMIT_CONCURRENCY] = QUOTA_CONCURRENCY,
    };

    t->verdict = (struct quota_verdict){
        .refused = limits[answer->refused],
        .retry_after_ms = answer->retry_after_ms,
        .requests = numbers(ask->rpm, answer->requests_left, answer->requests_ms),
        .tokens = numbers(ask->tpm, answer->tokens_left, answer->tokens_ms),
    };
}

static void hold(struct remote_limiter *r, struct limiter_take *t, const struct remote_take *a)
{
    const struct limit_ask *ask = &a->call.what.ask;

    t->held = true;
    t->key_id = ask->key_id;
    t->reserved = ask->tokens;
    t->token_entry = a->call.answer.token_entry;
    t->request_entry = a->call.answer.request_entry;
    t->place = ask->concurrency ? ask->lease : 0;
    if (t->place && remote_places_add(&r->places, t) < 0)
        r->figures.forgotten++;
}

/* Nobody is there to hold what Redis gave. */
static void give_back(struct remote_limiter *r, const struct remote_take *a)
{
    const struct limit_ask *ask = &a->call.what.ask;
    const struct limit_settlement s = {
        .key_id = ask->key_id,
        .lease = ask->lease,
        .request_entry = a->undone ? a->call.answer.request_entry : 0,
        .token_entry = a->call.answer.token_entry,
        .reserved = ask->tokens,
        .used = a->undone ? 0 : a->used,
    };

    remote_tell_settlement(r, &s);
}

/* The request stands still for it. */
static bool is_waited_for(const struct remote_take *a)
{
    return a->take && timer_is_set(&a->deadline);
}

static void on_decision(struct remote_limiter *r, struct remote_take *a)
{
    struct limiter_take *t = a->take;
    bool taken = a->call.answer.refused == LIMIT_TAKEN;
    bool waits = is_waited_for(a);

    if (waits) {
        remote_succeeded(r);
        r->figures.by_redis++;
        tell_verdict(t, &a->call.what.ask, &a->call.answer);
        if (taken)
            count_along(r, t, &a->call.what.ask);
    }
    if (taken && t)
        hold(r, t, a);
    else if (taken)
        give_back(r, a);
}

static void on_answer(struct op *op, int rc)
{
    struct remote_take *a = container_of(op, struct remote_take, call.op);
    struct remote_limiter *r = a->limiter;
    struct limiter_take *t = a->take;
    bool waits = is_waited_for(a);

    if (rc == OK) {
        on_decision(r, a);
    } else {
        if (rc == -EREMOTEIO)
            remote_refused(r, a->call.what.ask.key_id, a->call.why);
        else if (rc == -ECONNRESET && a->call.what.ask.concurrency)
            remote_owe_place(r, a->call.what.ask.key_id, a->call.what.ask.lease);
        if (waits)
            rc = decide_alone(r, t, &a->call.what.ask);
    }
    if (t)
        t->remote = NULL;
    forget(a);
    if (waits)
        t->op.done(&t->op, rc);
}

/* Whoever held the request is gone or was refused: what Redis gives is taken back. */
static void forsake(struct remote_take *a)
{
    timer_stop(&a->deadline);
    a->take->remote = NULL;
    a->take = NULL;
    a->undone = true;
}

static void on_deadline(struct timer *timer)
{
    struct remote_take *a = container_of(timer, struct remote_take, deadline);
    struct remote_limiter *r = a->limiter;
    struct limiter_take *t = a->take;

    remote_timed_out(r);
    int rc = decide_alone(r, t, &a->call.what.ask);
    if (rc < 0 || t->verdict.refused != QUOTA_OK)
        forsake(a);
    t->op.done(&t->op, rc);
}

/* --- taking and settling --- */

static int ask_redis(struct remote_limiter *r, struct limiter_take *t, const struct limit_ask *ask)
{
    struct remote_take *a = calloc(1, sizeof(*a));

    if (!a)
        return -ENOMEM;
    a->limiter = r;
    a->take = t;
    a->call.op.done = on_answer;
    list_add_tail(&r->takes, &a->node);
    timer_init(&a->deadline, r->loop, on_deadline);
    int rc = timer_set(&a->deadline, r->policy.timeout_ms);
    if (rc == OK)
        rc = limit_repo_take(r->repo, &a->call, ask);
    if (rc < 0)
        forget(a);
    else
        t->remote = a;
    return rc;
}

int remote_limiter_take(struct remote_limiter *r, struct limiter_take *t, const struct principal *p,
                        uint64_t tokens)
{
    const struct limit_ask ask = {
        .key_id = p->key_id,
        .rpm = p->rpm,
        .tpm = p->tpm,
        .concurrency = p->concurrency,
        .tokens = p->tpm ? MIN(MAX(tokens, 1u), p->tpm) : 0,
        .lease = ++r->next_place,
        .lease_ms = r->policy.lease_ms,
    };

    t->verdict = (struct quota_verdict){0};
    t->lease = (struct quota_lease){0};
    if (!p->rpm && !p->tpm && !p->concurrency)
        return OK;
    if (remote_is_worth_asking(r) && ask_redis(r, t, &ask) == AGAIN)
        return AGAIN;
    return decide_alone(r, t, &ask);
}

static void give_up_hold(struct remote_limiter *r, struct limiter_take *t, uint64_t tokens,
                         uint64_t request_entry)
{
    const struct limit_settlement s = {
        .key_id = t->key_id,
        .lease = t->place,
        .request_entry = request_entry,
        .token_entry = t->token_entry,
        .reserved = t->reserved,
        .used = tokens,
    };

    t->held = false;
    remote_places_remove(&r->places, t);
    remote_tell_settlement(r, &s);
}

void remote_limiter_settle(struct remote_limiter *r, struct limiter_take *t, uint64_t tokens)
{
    struct remote_take *a = t->remote;

    if (a && is_waited_for(a)) {
        forsake(a);
    } else if (a) {
        t->remote = NULL;
        a->take = NULL;
        a->used = tokens;
    } else if (t->held) {
        give_up_hold(r, t, tokens, 0);
    }
}

void remote_limiter_undo(struct remote_limiter *r, struct limiter_take *t)
{
    if (t->remote)
        forsake(t->remote);
    else if (t->held)
        give_up_hold(r, t, 0, t->request_entry);
}

/* --- making --- */

int remote_limiter_new(const struct limiter_options *options, struct remote_limiter **ret)
{
    struct limit_repo_options repo = {
        .url = options->redis,
        .tls = options->tls,
        .worker = options->worker,
        .on_state = remote_on_state,
    };
    struct remote_limiter *r = calloc(1, sizeof(*r));

    if (!r)
        return -ENOMEM;
    r->loop = options->loop;
    r->quota = options->quota;
    r->policy = options->policy;
    r->outage = options->outage;
    list_init(&r->takes);
    list_init(&r->steps);
    list_init(&r->owed);
    remote_places_init(&r->places);
    remote_circuit_init(r);
    timer_init(&r->tick, r->loop, remote_tick);
    repo.owner = r;
    _Static_assert((int)LIMIT_INSTANCE == (int)LIMITER_INSTANCE, "one name");
    memcpy(repo.instance, options->instance, LIMIT_INSTANCE);
    int rc = limit_repo_new(r->loop, &repo, &r->repo);
    if (rc == OK)
        rc = timer_set(&r->tick, 0);
    if (rc < 0)
        remote_limiter_free(r);
    else
        *ret = r;
    return rc;
}

void remote_limiter_free(struct remote_limiter *r)
{
    if (!r)
        return;
    timer_stop(&r->tick);
    timer_stop(&r->probe_timer);
    limit_repo_free(r->repo);
    list_for_each_safe(it, &r->takes) forget(list_entry(it, struct remote_take, node));
    remote_free_steps(r);
    remote_places_free(&r->places);
    free(r);
}
