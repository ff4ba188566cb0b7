/* attempt_rescue.c: frames of a stream that may need a rescue, or is one. See rescue.h. */

#include "router/attempt.h"

#include "router/dispatch.h"

struct gist {
    bool content, ends;
    struct slice text; /* of the content; empty: it is not text */
};

static struct gist gist_of(const struct event_list *events)
{
    struct gist g = {.content = false};

    for (size_t i = 0; i < events->len; i++) {
        const struct event *e = &events->at[i];
        if (e->marks & EVENT_CONTENT)
            g.text = g.content ? (struct slice){0} : e->text;
        g.content |= e->marks & EVENT_CONTENT;
        g.ends |= e->marks & (EVENT_FINISH | EVENT_DONE);
    }
    return g;
}

static enum rescue_step rescue_frame(struct rescue *r, const struct gist *g)
{
    if (g->content)
        return rescue_take(r, g->text);
    if (!rescue_is_behind(r))
        return RESCUE_PASS;
    return g->ends ? RESCUE_MISMATCH : RESCUE_SKIP; /* roles and the like were sent before */
}

static bool rescue_diverge(struct attempt *a)
{
    a->dispatch->rescue->able = false;
    attempt_cancel(a);
    dispatch_diverged(a->dispatch);
    return false;
}

/* The frame with another text in its place. The spans live no longer than this call. */
static bool rescue_send_with(struct attempt *a, struct batch *b, struct slice raw,
                             struct slice text, struct slice instead)
{
    if (text.at < raw.at || text.at + text.len > raw.at + raw.len)
        return rescue_diverge(a); /* it stood on several lines */
    size_t from = (size_t)(text.at - raw.at);
    return batch_add(a, b, slice_sub(raw, 0, from)) == OK && batch_add(a, b, instead) == OK &&
           batch_add(a, b, slice_sub(raw, from + text.len, raw.len)) == OK &&
           batch_flush(a, b, false) == OK;
}

bool attempt_rescue_frame(struct attempt *a, struct batch *b, struct slice raw,
                          const struct event_list *events)
{
    struct rescue *r = a->dispatch->rescue;
    struct gist g = gist_of(events);
    bool behind = rescue_is_behind(r);
    enum rescue_step step = rescue_frame(r, &g);

    if (step == RESCUE_MISMATCH || (step == RESCUE_SKIP && g.ends && rescue_is_behind(r)))
        return rescue_diverge(a);
    if (behind && !rescue_is_behind(r))
        dispatch_rescued(a->dispatch);
    if (step == RESCUE_SPLIT)
        return rescue_send_with(a, b, raw, g.text, buf_slice(&r->rest));
    if (step == RESCUE_SKIP && g.ends)
        return rescue_send_with(a, b, raw, g.text, SLICE("\"\""));
    return step == RESCUE_SKIP || batch_add(a, b, raw) == OK;
}
