/* dispatch.c: carries one call along its plan. See dispatch.h. */

#include "router/dispatch.h"

#include "base/clock.h"
#include "base/fmt.h"
#include "router/router_internal.h"

#include <errno.h>

enum { TEXT_MAX = 512 };

static void dispatch_close(struct dispatch *d)
{
    d->ended = true;
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

/* Appends "model:result" to the outcome's list of attempts. */
static void dispatch_note(struct dispatch *d, const struct target *target, struct slice result)
{
    struct slice *text = &d->ask.outcome->attempts_text;

    if (!text->at) {
        text->at = arena_alloc(d->arena, TEXT_MAX);
        if (!text->at)
            return;
    }
    size_t need = target->model.len + result.len + 2;
    if (d->text_len + need > TEXT_MAX)
        return;
    char *at = (char *)text->at + d->text_len;
    if (d->text_len)
        *at++ = ',';
    memcpy(at, target->model.at, target->model.len);
    at += target->model.len;
    *at++ = ':';
    memcpy(at, result.at, result.len);
    d->text_len = (size_t)(at + result.len - text->at);
    text->len = d->text_len;
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

/* Begins an attempt at the next target that can be begun at all. */
static int dispatch_next(struct dispatch *d, struct fault *ret_fault)
{
    struct outcome *outcome = d->ask.outcome;
    int rc = -ENOENT;

    while (rc < 0 && d->next < d->ask.plan.len) {
        const struct target *target = d->ask.plan.targets[d->next++];
        outcome->attempts++;
        outcome->served_model = target->model;
        outcome->provider = target->provider;
        outcome->fallback_used = d->next > 1;
        *ret_fault = (struct fault){.kind = FAULT_NONE};
        rc = attempt_start(&d->attempt, d, target, ret_fault);
        if (rc < 0)
            dispatch_note(d, target, word_of(ret_fault));
        if (rc < 0 && !fault_traits(ret_fault->kind)->elsewhere)
            break;
    }
    return rc;
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

    d->committed = true;
    if (head->stream)
        outcome->first_token_us = clock_now_us() - d->ask.started_us;
    dispatch_note_status(d, &d->attempt, NULL);
    int rc = d->ask.sink->events->on_head(d->ask.sink, head);
    if (rc < 0)
        dispatch_cancel(d);
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
    struct fault last = *fault;

    if (d->ended)
        return;
    if (d->committed) {
        last.kind = FAULT_UPSTREAM_INTERRUPTED;
    } else {
        dispatch_note_status(d, &d->attempt, fault);
        bool time_left = loop_now_ms(d->router->options.loop) < d->deadline_ms;
        struct fault next;
        if (fault_traits(fault->kind)->elsewhere && time_left && d->next < d->ask.plan.len) {
            if (dispatch_next(d, &next) >= 0)
                return;
            last = next;
        }
    }
    dispatch_close(d);
    attempt_usage(&d->attempt, &d->ask.outcome->usage);
    d->ask.sink->events->on_fault(d->ask.sink, &last);
}
