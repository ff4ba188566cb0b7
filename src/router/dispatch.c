/* dispatch.c: carries one call along its plan. See dispatch.h. */

#include "router/dispatch.h"

#include "base/clock.h"
#include "base/fmt.h"
#include "base/ids.h"
#include "router/retry.h"
#include "router/router_internal.h"

#include <errno.h>

enum { TEXT_MAX = 512 };

static void dispatch_close(struct dispatch *d)
{
    d->ended = true;
    timer_stop(&d->backoff);
}

/* What an attempt came to, in one word, where there was no status. */
static struct slice word_of(const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_UPSTREAM_TIMEOUT:
        return SLICE("timeout");
    case FAULT_UPSTREAM_CONNECT:
        return SLICE("connect");
    case FAULT_UPSTREAM_TLS:
        return SLICE("tls");
    default:
        return SLICE("failed");
    }
}

/* Appends "model:result" to the outcome's list of attempts; mostly there is one. */
static void dispatch_note(struct dispatch *d, const struct target *target, struct slice result)
{
    struct slice *text = &d->ask.outcome->attempts_text;
    size_t room = text->len + target->model.len + result.len + 2;
    char *whole = room <= TEXT_MAX ? arena_alloc(d->arena, room) : NULL, *at = whole;

    if (!whole)
        return;
    if (text->len) {
        at = mempcpy(at, text->at, text->len);
        *at++ = ',';
    }
    at = mempcpy(at, target->model.at, target->model.len);
    *at++ = ':';
    at = mempcpy(at, result.at, result.len);
    *text = slice_of(whole, (size_t)(at - whole));
}

static void dispatch_note_status(struct dispatch *d, const struct attempt *a,
                                 const struct fault *fault)
{
    char digits[20];

    if (fault && (!fault->upstream_status || fault->upstream_status < 300))
        dispatch_note(d, a->target, word_of(fault));
    else
        dispatch_note(d, a->target, slice_of(digits, fmt_u64(digits, (uint64_t)a->status)));
}

static uint64_t dispatch_left_ms(const struct dispatch *d)
{
    uint64_t now = loop_now_ms(d->router->options.loop);

    return now < d->deadline_ms ? d->deadline_ms - now : 0;
}

static int dispatch_try(struct dispatch *d, const struct target *target, struct fault *ret_fault)
{
    d->ask.outcome->attempts++;
    d->tries++;
    d->begun_ms = loop_now_ms(d->router->options.loop);
    *ret_fault = (struct fault){.kind = FAULT_NONE};
    int rc = attempt_start(&d->attempt, d, target, ret_fault);
    if (rc < 0)
        dispatch_note(d, target, word_of(ret_fault));
    return rc;
}

/* Begins an attempt at the next target that can be begun at all. */
static int dispatch_next(struct dispatch *d, struct fault *ret_fault)
{
    struct outcome *outcome = d->ask.outcome;
    int rc = -ENOENT;

    while (rc < 0 && d->next < d->ask.plan.len) {
        const struct target *target = d->ask.plan.targets[d->next++];
        outcome->served_model = target->model;
        outcome->provider = target->provider;
        outcome->fallback_used = d->next > 1;
        d->tries = 0;
        rc = dispatch_try(d, target, ret_fault);
        if (rc < 0 && !fault_traits(ret_fault->kind)->elsewhere)
            break;
    }
    return rc;
}

/* Nothing went out and nothing more can be tried, or something did: the sink hears. */
static void dispatch_give_up(struct dispatch *d, const struct fault *fault)
{
    dispatch_close(d);
    attempt_usage(&d->attempt, &d->ask.outcome->usage);
    d->ask.sink->events->on_fault(d->ask.sink, fault);
}

static void dispatch_go_elsewhere(struct dispatch *d, const struct fault *fault)
{
    struct fault last = *fault;

    if (fault_traits(fault->kind)->elsewhere && dispatch_left_ms(d) > 0 &&
        d->next < d->ask.plan.len && dispatch_next(d, &last) >= 0)
        return;
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
    const struct retry_question question = {
        .fault = fault,
        .tries = d->tries,
        .retries = d->attempt.target->retries,
        .took_ms = loop_now_ms(d->router->options.loop) - d->begun_ms,
        .left_ms = dispatch_left_ms(d),
        .random = ids_random(),
    };
    int64_t wait = retry_wait_ms(&question);
    return wait >= 0 && timer_set(&d->backoff, (uint64_t)wait) == OK;
}

static void dispatch_on_arena_end(void *arg)
{
    dispatch_cancel(arg);
}

int dispatch_start(struct dispatch *d, struct router *router, const struct dispatch_ask *ask,
                   struct arena *a, struct fault *ret_fault)
{
    d->ask = *ask;
    d->router = router;
    d->arena = a;
    d->deadline_ms = loop_now_ms(router->options.loop) + router->options.clocks.total;
    timer_init(&d->backoff, router->options.loop, dispatch_on_backoff);

    int rc = arena_defer(a, dispatch_on_arena_end, d);
    if (rc < 0) {
        *ret_fault = (struct fault){.kind = FAULT_INTERNAL};
        return rc;
    }
    rc = dispatch_next(d, ret_fault);
    if (rc < 0)
        dispatch_close(d);
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
    attempt_usage(&d->attempt, &d->ask.outcome->usage);
    attempt_cancel(&d->attempt);
}

int dispatch_commit(struct dispatch *d, const struct sink_head *head)
{
    struct outcome *outcome = d->ask.outcome;
    struct sink_head told = *head;

    d->committed = true;
    told.spent = d->attempt.sent;
    if (head->stream)
        outcome->first_token_us = clock_now_us() - d->ask.started_us;
    dispatch_note_status(d, &d->attempt, NULL);
    int rc = d->ask.sink->events->on_head(d->ask.sink, &told);
    if (rc < 0)
        dispatch_cancel(d);
    else if (head->stream)
        attempt_drop_head(&d->attempt);
    return rc;
}

int dispatch_bytes(struct dispatch *d, const struct slice *spans, size_t n, bool last)
{
    if (last)
        dispatch_close(d);
    int rc = d->ask.sink->events->on_bytes(d->ask.sink, spans, n, last);
    if (rc < 0)
        dispatch_cancel(d);
    return rc;
}

void dispatch_failed(struct dispatch *d, const struct fault *fault)
{
    if (d->ended)
        return;
    if (d->committed) {
        struct fault last = *fault;
        last.kind = FAULT_UPSTREAM_INTERRUPTED;
        dispatch_give_up(d, &last);
        return;
    }
    dispatch_note_status(d, &d->attempt, fault);
    if (!dispatch_retry(d, fault))
        dispatch_go_elsewhere(d, fault);
}
