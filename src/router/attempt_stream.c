/* attempt_stream.c: relays a stream frame by frame, byte for byte.
 *
 * What comes before the first content (role, comments, pings) is held, so that until then any fault
 * may still go to another target. Frames of one read leave in one write. A frame of nothing but
 * usage, which we asked for, is taken out again unless the client asked too. The good end is the
 * provider's marker, or a clean end of the body after a finish reason; everything else is a fault.
 */

#include "router/attempt.h"

#include "router/dispatch.h"
#include "router/router_internal.h"

#include <errno.h>

void attempt_stream_free(struct attempt_stream *s)
{
    sse_free(&s->sse);
    buf_free(&s->held);
    buf_free(&s->out);
}

static void stream_on_arena_end(void *arg)
{
    attempt_stream_free(arg);
}

/* A translated answer tells no text of its own: what has gone out of it cannot be compared. */
static void stream_prepare_rescue(struct attempt *a)
{
    struct decoder *decoder = a->stream->decoder;

    if (!a->dispatch->rescue)
        return;
    if (a->op->translates)
        a->dispatch->rescue->able = false;
    else
        decoder->wants_text = true;
}

/* What is translated may be longer than it was: an object's quotes are escaped where it becomes a
 * string. It leaves as soon as it is this much; before the first content it waits. */
enum { OUT_FULL = 32 * 1024, OUT_FACTOR = 2 };

int attempt_stream_begin(struct attempt *a)
{
    struct arena *arena = a->dispatch->arena;
    size_t frame = a->dispatch->router->options.limits.frame_bytes;
    struct attempt_stream *s = arena_new(arena, struct attempt_stream);

    if (!s)
        return -ENOMEM;
    s->decoder = arena_zalloc(arena, MAX(a->op->state_size, sizeof(struct decoder)));
    if (!s->decoder)
        return -ENOMEM;
    sse_init(&s->sse, frame);
    buf_init(&s->held, frame);
    buf_init(&s->out, OUT_FACTOR * frame + 2 * OUT_FULL);
    s->decoding = attempt_decoding(a, &s->out);
    a->stream = s;
    int rc = arena_defer(arena, stream_on_arena_end, s);
    if (rc == OK && a->op->begin)
        rc = a->op->begin(s->decoder, &s->decoding);
    if (rc == OK)
        stream_prepare_rescue(a);
    return rc;
}

static int stream_commit(struct attempt *a)
{
    const struct sink_head head = {
        .status = 200,
        .stream = true,
        .content_type = a->content_type,
    };
    struct attempt_stream *s = a->stream;

    int rc = dispatch_commit(a->dispatch, &head);
    if (rc < 0 || s->held.len == 0)
        return rc;
    const struct slice held = buf_slice(&s->held);
    rc = dispatch_bytes(a->dispatch, &held, 1, false);
    buf_free(&s->held);
    return rc;
}

static int stream_hold(struct attempt_stream *s, const struct batch *b)
{
    for (size_t i = 0; i < b->len; i++) {
        int rc = buf_add(&s->held, b->spans[i]);
        if (rc < 0)
            return rc;
    }
    return OK;
}

int batch_flush(struct attempt *a, struct batch *b, bool last)
{
    struct dispatch *d = a->dispatch;

    if (!d->committed && !b->commit) {
        int held = stream_hold(a->stream, b);
        b->len = 0;
        if (held < 0)
            attempt_fail(a, held == -EMSGSIZE ? FAULT_UPSTREAM_PROTOCOL : FAULT_INTERNAL);
        return held;
    }

    int rc = d->committed ? OK : stream_commit(a);
    if (rc < 0)
        return rc; /* dispatch has ended the attempt */
    struct buf *out = &a->stream->out;
    if (out->len > 0) /* then nothing else is in the batch */
        b->spans[b->len++] = buf_slice(out);
    if (b->len == 0 && !last)
        return OK;
    if (last)
        attempt_done(a);
    rc = dispatch_bytes(d, b->spans, b->len, last);
    b->len = 0;
    buf_reset(out);
    if (rc == AGAIN && a->state == ATTEMPT_STREAM)
        attempt_pause(a);
    return rc < 0 ? rc : OK;
}

int batch_add(struct attempt *a, struct batch *b, struct slice raw)
{
    struct slice *last = b->len ? &b->spans[b->len - 1] : NULL;

    if (last && last->at + last->len == raw.at) {
        last->len += raw.len;
        return OK;
    }
    if (b->len == BATCH_SPANS) {
        int rc = batch_flush(a, b, false); /* though the marker may be what finds no room */
        if (rc < 0)
            return rc;
    }
    b->spans[b->len++] = raw;
    return OK;
}

/* What was held is not counted when another target begins anew; what went out is. */
static void stream_note_frames(struct attempt *a, uint64_t frames)
{
    uint64_t *seen = &a->dispatch->ask.outcome->stream_frames;

    *seen = a->dispatch->committed ? MAX(*seen, frames) : frames;
}

static void stream_note_usage(struct attempt *a, const struct event *e)
{
    a->usage = e->usage;
    a->usage.source = USAGE_PROVIDER;
}

/* Frames that repeat the one before but for their text need no look of their own. */
static int stream_on_alike(struct attempt *a, struct batch *b, struct slice frame,
                           struct slice *input)
{
    uint64_t frames;
    size_t n = a->op->alike(frame, *input, &frames);

    if (n == 0)
        return OK;
    a->stream->deltas += frames;
    struct slice raw = slice_sub(*input, 0, n);
    *input = slice_sub(*input, n, input->len);
    return batch_add(a, b, raw);
}

/* What the frame's events mean for the stream. False: the attempt ended. */
static bool stream_note(struct attempt *a, struct batch *b, const struct event_list *events,
                        bool *ret_strip)
{
    struct attempt_stream *s = a->stream;

    b->plain = events->len == 1 && events->at[0].marks == EVENT_CONTENT;
    for (size_t i = 0; i < events->len; i++) {
        const struct event *e = &events->at[i];
        s->deltas += e->output_deltas;
        if (e->frames)
            stream_note_frames(a, e->frames);
        if (e->marks & EVENT_USAGE)
            stream_note_usage(a, e);
        if (e->marks & EVENT_CONTENT)
            b->commit = true;
        if (e->marks & (EVENT_CONTENT | EVENT_FINISH)) /* what goes on had not finished */
            s->finished = e->marks & EVENT_FINISH;
        if (e->marks & EVENT_USAGE_ONLY && !a->dispatch->ask.call->include_usage)
            *ret_strip = true;
        if (e->marks & EVENT_DONE)
            b->done = b->commit = true;
        if (e->marks & EVENT_ERROR) {
            if (batch_flush(a, b, false) == OK) /* what was good before it still goes out */
                attempt_fail_fault(a, &e->fault);
            return false;
        }
    }
    return true;
}

/* True: go on with the next frame. */
static bool stream_on_frame(struct attempt *a, struct batch *b, const struct sse_frame *frame)
{
    struct event_list events;
    bool strip = false;

    b->plain = false;
    /* a comment before the first content kept the connection alive; later it is of no use */
    if (!frame->has_data && !a->dispatch->committed && !b->commit)
        return true;
    if (!frame->has_data)
        return a->op->translates || batch_add(a, b, frame->raw) == OK;

    events.len = 0;
    int rc = a->op->decode_event(a->stream->decoder, frame->name, frame->data, &events);
    if (rc == -EBADMSG)
        return true; /* garbage between good frames is left out; the end decides */
    if (rc < 0) {
        attempt_fail(a, rc == -EMSGSIZE ? FAULT_UPSTREAM_TOO_LARGE : FAULT_INTERNAL);
        return false;
    }
    if (!stream_note(a, b, &events, &strip))
        return false;
    if (a->op->translates)
        return (a->stream->out.len < OUT_FULL || b->done || batch_flush(a, b, false) == OK) &&
               !b->done;
    if (!strip && a->dispatch->rescue)
        return attempt_rescue_frame(a, b, frame->raw, &events) && !b->done;
    return (strip || batch_add(a, b, frame->raw) == OK) && !b->done;
}

static bool slice_within(struct slice part, struct slice whole)
{
    return part.at >= whole.at && part.at < whole.at + whole.len;
}

void attempt_stream_bytes(struct attempt *a, struct slice bytes)
{
    struct batch b = {.len = 0, .commit = false, .done = false, .plain = false};
    struct slice input = bytes;
    struct sse_frame frame;
    int rc;

    while ((rc = sse_next(&a->stream->sse, &input, &frame)) == 1) {
        if (!stream_on_frame(a, &b, &frame)) {
            if (!b.done || a->state != ATTEMPT_STREAM)
                return;
            break;
        }
        /* bytes that sse itself holds live only until its next call */
        if (b.len && !slice_within(frame.raw, bytes) && batch_flush(a, &b, false) < 0)
            return;
        if (b.plain && a->op->alike && !a->dispatch->rescue &&
            stream_on_alike(a, &b, frame.raw, &input) < 0)
            return;
    }
    if (rc < 0) {
        if (batch_flush(a, &b, false) == OK) /* what was good before it still goes out */
            attempt_fail(a, FAULT_UPSTREAM_TOO_LARGE);
        return;
    }
    if (b.done)
        attempt_settle_usage(a, &a->usage, a->stream->deltas);
    rc = batch_flush(a, &b, b.done);
    if (rc == OK && a->state == ATTEMPT_STREAM && a->dispatch->committed && !a->http.paused)
        attempt_set_clock(a, a->dispatch->router->options.clocks.idle);
}

/* Says what the provider left unsaid at a clean end. False: it was none, the attempt has ended. */
static bool stream_finish(struct attempt *a, struct batch *b)
{
    struct attempt_stream *s = a->stream;
    struct slice marker = {0};

    if (!s->finished || !a->op->finish) {
        attempt_fail(a, FAULT_UPSTREAM_RESET);
        return false;
    }
    if (a->op->finish(s->decoder, &marker) < 0) {
        attempt_fail(a, FAULT_INTERNAL);
        return false;
    }
    return slice_is_empty(marker) || batch_add(a, b, marker) == OK;
}

/* The body ended by its framing, without the marker. */
void attempt_stream_end(struct attempt *a)
{
    struct attempt_stream *s = a->stream;
    struct batch b = {.len = 0, .commit = false, .done = false, .plain = false};
    struct sse_frame frame;

    if (sse_end(&s->sse, &frame) && !stream_on_frame(a, &b, &frame) &&
        (!b.done || a->state != ATTEMPT_STREAM))
        return;
    if (!b.done && !stream_finish(a, &b))
        return;
    b.done = b.commit = true;
    attempt_settle_usage(a, &a->usage, a->stream->deltas);
    batch_flush(a, &b, true);
}
