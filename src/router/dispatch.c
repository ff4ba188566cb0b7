/* dispatch.c: carries one call along its plan. See dispatch.h. */

#include "router/dispatch.h"

#include "base/clock.h"
#include "base/ids.h"
#include "http/client.h"
#include "router/retry.h"
#include "router/router_internal.h"
#include "router/trail.h"

#include <errno.h>

static uint64_t dispatch_now_ms(const struct dispatch *d)
{
    return loop_now_ms(d->router->options.loop);
}

static uint64_t dispatch_left_ms(const struct dispatch *d)
{
    uint64_t now = dispatch_now_ms(d);

    return now < d->deadline_ms ? d->deadline_ms - now : 0;
}

static struct health *dispatch_health(const struct dispatch *d, const struct target *target)
{
    return health_of(d->router->health, target->identity);
}

static void dispatch_note(struct dispatch *d, const struct fault *fault)
{
    trail_add(&d->ask.outcome->attempts_text, d->arena, d->attempt.target, d->attempt.status,
              fault);
}

/* The attempt is over, once. */
static void dispatch_report(struct dispatch *d, enum fault_kind fault)
{
    struct router_observer *observer = d->router->options.observer;

    if (!d->trying)
        return;
    d->trying = false;
    if (!observer)
        return;
    const struct attempt_report report = {
        .target = d->attempt.target,
        .kind = d->ask.call->kind,
        .fault = fault,
        .tries = d->tries,
        .took_ms = dispatch_now_ms(d) - d->begun_ms,
        .status = d->attempt.status,
        .host = d->attempt.target->origin->host,
        .port = d->attempt.target->origin->port,
        .usage = &d->ask.outcome->usage,
        .traceparent = d->ask.traced ? d->ask.traceparent : SLICE(""),
        .span = slice_of(d->span, d->ask.traced ? SPAN_ID_TEXT : 0),
        .started_us = d->begun_us,
    };
    observer->on_attempt(observer, &report);
}

/* --- the end --- */

static void dispatch_close(struct dispatch *d)
{
    d->ended = true;
    timer_stop(&d->backoff);
    timer_stop(&d->keepalive);
    health_end(&d->health);
}

/* What was used of the answer that the client has. */
static void dispatch_settle_usage(struct dispatch *d)
{
    if (!d->committed)
        d->ask.outcome->usage = (struct usage){.source = USAGE_NONE};
    else if (d->rescue && rescue_is_behind(d->rescue))
        d->ask.outcome->usage = d->delivered;
    else
        attempt_usage(&d->attempt, &d->ask.outcome->usage);
}

/* Nothing went out and nothing more can be tried, or something did: the sink hears. */
static void dispatch_give_up(struct dispatch *d, const struct fault *fault)
{
    dispatch_close(d);
    dispatch_settle_usage(d);
    d->ask.sink->events->on_fault(d->ask.sink, fault);
}

/* --- attempts --- */

static enum health_verdict dispatch_verdict(const struct dispatch *d, enum fault_kind kind)
{
    switch (kind) {
    case FAULT_UPSTREAM_REFUSED:
    case FAULT_CONTEXT_LENGTH:
        return HEALTH_GOOD; /* it answered; the caller's request was wrong */
    case FAULT_UPSTREAM_CREDENTIALS:
        return HEALTH_REFUSED;
    case FAULT_UPSTREAM_RATE_LIMIT:
        return HEALTH_LIMITED;
    case FAULT_UPSTREAM_TIMEOUT: /* perhaps it was given no time */
        return dispatch_left_ms(d) > 0 ? HEALTH_BAD : HEALTH_NEUTRAL;
    default:
        return fault_traits(kind)->elsewhere && kind != FAULT_UPSTREAM_BUSY ? HEALTH_BAD
                                                                            : HEALTH_NEUTRAL;
    }
}

/* The attempt is over: what it says about its target. */
static void dispatch_judge(struct dispatch *d, const struct fault *fault)
{
    dispatch_report(d, fault->kind);
    health_judge(&d->health, dispatch_verdict(d, fault->kind), fault->retry_after_ms,
                 dispatch_now_ms(d));
    health_end(&d->health);
}

static int dispatch_try(struct dispatch *d, const struct target *target, struct fault *ret_fault)
{
    d->ask.outcome->attempts++;
    d->tries++;
    d->begun_ms = dispatch_now_ms(d);
    d->trying = true;
    if (d->ask.traced) {
        ids_random_hex(d->span, SPAN_ID_TEXT);
        d->begun_us = clock_now_us();
    }
    *ret_fault = (struct fault){.kind = FAULT_NONE};
    health_begin(&d->health, dispatch_health(d, target), d->begun_ms);
    int rc = attempt_start(&d->attempt, d, target, ret_fault);
    if (rc < 0) {
        dispatch_judge(d, ret_fault);
        dispatch_note(d, ret_fault);
    }
    return rc;
}

static bool dispatch_is_resting(const struct dispatch *d, const struct target *target)
{
    return health_wait_ms(dispatch_health(d, target), dispatch_now_ms(d)) > 0;
}

static void dispatch_name_server(struct dispatch *d, const struct target *target)
{
    struct outcome *outcome = d->ask.outcome;

    outcome->served_model = target->model;
    outcome->provider = target->provider;
    outcome->fallback_used = !slice_eq(target->model, d->ask.plan.model->name);
}

/* Begins an attempt at the next target that can be begun at all. */
static int dispatch_next(struct dispatch *d, struct fault *ret_fault)
{
    const struct plan *plan = &d->ask.plan;
    int rc = -ENOENT;

    while (rc < 0 && d->next < plan->len) {
        const struct target *target = plan->targets[d->next++];
        if (d->next < plan->len && dispatch_is_resting(d, target))
            continue; /* since the plan was made */
        if (d->committed && target->adapter->ops[d->ask.call->kind]->translates)
            continue; /* cannot be a rescue */
        d->tries = 0;
        struct fault fault;
        rc = dispatch_try(d, target, &fault);
        if (rc < 0 && fault.kind == FAULT_UNSUPPORTED && ret_fault->kind != FAULT_NONE)
            continue; /* a fallback of another dialect: what failed before it says more */
        dispatch_name_server(d, target);
        if (rc < 0)
            *ret_fault = fault;
        if (rc < 0 && !fault_traits(fault.kind)->elsewhere)
            break;
    }
    return rc;
}

/* Other targets of the same model have the same window. */
static void dispatch_skip_model(struct dispatch *d)
{
    const struct plan *plan = &d->ask.plan;

    while (d->next < plan->len && slice_eq(plan->targets[d->next]->model, d->attempt.target->model))
        d->next++;
}

static bool dispatch_may_go_elsewhere(struct dispatch *d, const struct fault *fault)
{
    if (dispatch_left_ms(d) == 0)
        return false;
    if (fault->kind != FAULT_CONTEXT_LENGTH)
        return fault_traits(fault->kind)->elsewhere;
    dispatch_skip_model(d);
    return d->ask.plan.model->fallback_on & FALLBACK_ON_CONTEXT_LENGTH;
}

/* Every circuit was open, and the target nearest to recovery failed again. A rate limit is no
 * outage: clients know what to do about it; nor are our own credentials: operators must hear. */
static void dispatch_name_outage(const struct dispatch *d, struct fault *fault)
{
    const struct plan *plan = &d->ask.plan;

    if (plan->rest_ms == 0 || !fault_traits(fault->kind)->elsewhere ||
        fault->kind == FAULT_UPSTREAM_CREDENTIALS)
        return;
    if (fault->kind != FAULT_UPSTREAM_RATE_LIMIT)
        fault->kind = FAULT_UPSTREAM_UNAVAILABLE;
    fault->retry_after_ms = plan_rest_ms(plan, &d->router->view);
}

/* What the provider said belongs to its attempt: it is kept while others are tried. */
static struct fault dispatch_keep(struct dispatch *d, const struct fault *fault)
{
    struct fault kept = *fault;

    if (slice_is_empty(fault->upstream_body))
        return kept;
    kept.upstream_body = arena_copy(d->arena, fault->upstream_body);
    kept.upstream_content_type = arena_copy(d->arena, fault->upstream_content_type);
    return kept;
}

static void dispatch_go_elsewhere(struct dispatch *d, const struct fault *fault)
{
    struct fault last = dispatch_keep(d, fault);

    if (dispatch_may_go_elsewhere(d, fault) && d->next < d->ask.plan.len &&
        dispatch_next(d, &last) >= 0)
        return;
    dispatch_name_outage(d, &last);
    dispatch_give_up(d, &last);
}

static void dispatch_on_backoff(struct timer *t)
{
    struct dispatch *d = container_of(t, struct dispatch, backoff);
    struct fault fault;

    if (dispatch_try(d, d->attempt.target, &fault) < 0)
        dispatch_go_elsewhere(d, &fault);
}

/* True: the same target will be tried again. */
static bool dispatch_retry(struct dispatch *d, const struct fault *fault)
{
    struct health *health = dispatch_health(d, d->attempt.target);
    uint64_t now = dispatch_now_ms(d);
    const struct retry_question question = {
        .fault = fault,
        .tries = d->tries,
        .retries = d->attempt.target->retries,
        .took_ms = now - d->begun_ms,
        .left_ms = dispatch_left_ms(d),
        .random = ids_random(),
    };

    int64_t wait = retry_wait_ms(&question);
    if (wait < 0 || health_wait_ms(health, now + (uint64_t)wait) > 0 ||
        !health_take_retry(health, now))
        return false;
    return timer_set(&d->backoff, (uint64_t)wait) == OK;
}

/* --- keep-alive --- */

static int dispatch_tell_head(struct dispatch *d, const struct sink_head *head)
{
    if (d->head_told)
        return OK;
    d->head_told = true;
    int rc = d->ask.sink->events->on_head(d->ask.sink, head);
    if (rc < 0)
        dispatch_cancel(d);
    return rc;
}

/* A comment for whoever on the way cuts a connection that is silent for long. From the first one on
 * the status is told and a failure comes in band; the call may still go to another target. */
static void dispatch_on_keepalive(struct timer *t)
{
    static const struct slice comment = SLICE_INIT(": keep-alive\n\n");
    static const struct sink_head head = {.status = 200, .stream = true, .early = true};
    struct dispatch *d = container_of(t, struct dispatch, keepalive);

    (void)timer_set(t, d->ask.plan.model->keepalive_ms); /* moving it cannot fail */
    if (dispatch_tell_head(d, &head) == OK)
        dispatch_bytes(d, &comment, 1, false);
}

/* --- from the start to the end --- */

static void dispatch_on_arena_end(void *arg)
{
    struct dispatch *d = arg;

    dispatch_cancel(d);
    if (d->rescue)
        rescue_free(d->rescue);
}

static int dispatch_prepare(struct dispatch *d)
{
    const struct registry_model *model = d->ask.plan.model;
    bool stream = d->ask.call->stream;
    int rc = OK;

    timer_init(&d->backoff, d->router->options.loop, dispatch_on_backoff);
    timer_init(&d->keepalive, d->router->options.loop, dispatch_on_keepalive);
    if (stream && model->rescue) {
        d->rescue = arena_new(d->arena, struct rescue);
        if (!d->rescue)
            return -ENOMEM;
        rescue_init(d->rescue);
    }
    rc = arena_defer(d->arena, dispatch_on_arena_end, d);
    if (rc == OK && stream && model->keepalive_ms)
        rc = timer_set(&d->keepalive, model->keepalive_ms);
    return rc;
}

int dispatch_start(struct dispatch *d, struct router *router, const struct dispatch_ask *ask,
                   struct arena *a, struct fault *ret_fault)
{
    uint64_t most = router->options.clocks.total;

    *ret_fault = (struct fault){.kind = FAULT_NONE};
    d->ask = *ask;
    d->router = router;
    d->arena = a;
    d->deadline_ms = dispatch_now_ms(d) + (ask->patience_ms ? MIN(most, ask->patience_ms) : most);

    int rc = dispatch_prepare(d);
    if (rc < 0)
        *ret_fault = (struct fault){.kind = FAULT_INTERNAL};
    else
        rc = dispatch_next(d, ret_fault);
    if (rc < 0) {
        dispatch_name_outage(d, ret_fault);
        dispatch_close(d);
    }
    return rc;
}

void dispatch_proceed(struct dispatch *d)
{
    if (!d->ended)
        attempt_resume(&d->attempt);
}

void dispatch_cancel(struct dispatch *d)
{
    if (d->ended)
        return;
    dispatch_close(d);
    dispatch_settle_usage(d);
    attempt_cancel(&d->attempt);
    dispatch_report(d, FAULT_CLIENT_CLOSED);
}

int dispatch_commit(struct dispatch *d, const struct sink_head *head)
{
    struct outcome *outcome = d->ask.outcome;
    struct sink_head told = *head;

    d->committed = true;
    timer_stop(&d->keepalive);
    health_judge(&d->health, HEALTH_GOOD, 0, dispatch_now_ms(d));
    told.spent = d->attempt.sent && !d->rescue;
    if (head->stream)
        outcome->first_token_us = clock_now_us() - d->ask.started_us;
    dispatch_note(d, NULL);
    int rc = dispatch_tell_head(d, &told);
    if (rc == OK && head->stream)
        attempt_drop_head(&d->attempt);
    return rc;
}

int dispatch_bytes(struct dispatch *d, const struct slice *spans, size_t n, bool last)
{
    if (last) {
        dispatch_close(d);
        dispatch_report(d, FAULT_NONE);
    }
    int rc = d->ask.sink->events->on_bytes(d->ask.sink, spans, n, last);
    if (rc < 0)
        dispatch_cancel(d);
    return rc;
}

/* The client has the beginning of an answer that goes no further. */
static void dispatch_broke_off(struct dispatch *d, const struct fault *fault)
{
    struct fault last = *fault;

    d->ask.outcome->cause = fault->kind;
    if (d->rescue && d->rescue->able && dispatch_left_ms(d) > 0) {
        if (!rescue_is_behind(d->rescue))
            attempt_usage(&d->attempt, &d->delivered);
        rescue_begin(d->rescue);
        if (dispatch_next(d, &last) >= 0)
            return;
    }
    last.kind = FAULT_UPSTREAM_INTERRUPTED;
    dispatch_give_up(d, &last);
}

void dispatch_failed(struct dispatch *d, const struct fault *fault)
{
    if (d->ended)
        return;
    dispatch_judge(d, fault);
    if (d->committed) {
        dispatch_broke_off(d, fault);
        return;
    }
    dispatch_note(d, fault);
    if (!dispatch_retry(d, fault))
        dispatch_go_elsewhere(d, fault);
}

void dispatch_rescued(struct dispatch *d)
{
    d->ask.outcome->cause = FAULT_NONE;
    health_judge(&d->health, HEALTH_GOOD, 0, dispatch_now_ms(d));
    dispatch_note(d, NULL);
    attempt_drop_head(&d->attempt);
}

void dispatch_diverged(struct dispatch *d)
{
    dispatch_report(d, FAULT_UPSTREAM_INTERRUPTED);
    dispatch_give_up(d, &(struct fault){.kind = FAULT_UPSTREAM_INTERRUPTED});
}
