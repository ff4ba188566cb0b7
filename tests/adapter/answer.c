/* answer.c: adapters' results as text. */

#include "adapter/answer.h"

#include "codec/sse.h"
#include "support/whole_body.h"

#include <stdlib.h>

enum { FRAME_MAX = 1 << 20, TEXT_MAX = 4 << 20 };

static const char *const fault_names[] = {
    "NONE",
#define FAULT(name, code, retry, elsewhere) #name,
#include "model/fault.def"
#undef FAULT
};

static void write_usage(struct buf *text, const struct usage *u)
{
    buf_printf(text,
               " usage(input=%llu cached_read=%llu cache_write=%llu output=%llu reasoning=%llu)",
               (unsigned long long)u->input, (unsigned long long)u->cached_read,
               (unsigned long long)u->cache_write, (unsigned long long)u->output,
               (unsigned long long)u->reasoning);
}

static void write_fault(struct buf *text, const struct fault *f)
{
    buf_printf(text, " %s", fault_names[f->kind]);
    if (f->upstream_status)
        buf_printf(text, " status=%d", f->upstream_status);
    if (f->retry_after_ms)
        buf_printf(text, " retry_after_ms=%llu", (unsigned long long)f->retry_after_ms);
    if (!slice_is_empty(f->upstream_body))
        buf_printf(text, " passes %.*s", SLICE_FMT(f->upstream_content_type));
    if (!slice_is_empty(f->message))
        buf_printf(text, " message '%.*s'", SLICE_FMT(f->message));
    if (!slice_is_empty(f->param))
        buf_printf(text, " param '%.*s'", SLICE_FMT(f->param));
}

static void write_event(struct buf *text, const struct event *e, bool include_usage)
{
    static const struct {
        unsigned mark;
        const char *name;
    } marks[] = {
        {EVENT_CONTENT, "content"},
        {EVENT_FINISH,  "finish" },
        {EVENT_DONE,    "done"   }
    };

    buf_add(text, e->marks ? SLICE("") : SLICE(" lifecycle"));
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (e->marks & marks[i].mark)
            buf_printf(text, " %s", marks[i].name);
    if (e->output_deltas > 1)
        buf_printf(text, " deltas=%llu", (unsigned long long)e->output_deltas);
    if (e->marks & EVENT_USAGE)
        write_usage(text, &e->usage);
    if (e->marks & EVENT_ERROR) {
        buf_add(text, SLICE(" error"));
        write_fault(text, &e->fault);
    }
    if ((e->marks & EVENT_USAGE_ONLY) && !include_usage)
        buf_add(text, SLICE(" (held back)"));
    buf_add_char(text, '\n');
}

void run_init(struct run *run)
{
    *run = (struct run){.complete = false};
    buf_init(&run->text, TEXT_MAX);
    buf_init(&run->client, TEXT_MAX);
}

void run_free(struct run *run)
{
    buf_free(&run->text);
    buf_free(&run->client);
}

/* A stream being read. */
struct reading {
    const struct adapter_op *op;
    void *state;
    bool include_usage, broken, failed, finished, done;
    struct run *run;
};

static void read_frame(struct reading *r, const struct sse_frame *frame)
{
    struct buf *text = &r->run->text;
    struct event_list list = {.len = 0};

    if (!frame->has_data) {
        buf_add(text, SLICE("frame: comment\n"));
        return;
    }
    buf_add(text, SLICE("frame:"));
    if (r->op->decode_event(r->state, frame->name, frame->data, &list) < 0) {
        buf_add(text, SLICE(" bad\n"));
        r->broken = true;
        return;
    }
    for (size_t i = 0; i < list.len; i++) {
        write_event(text, &list.at[i], r->include_usage);
        r->run->deltas += list.at[i].output_deltas;
        r->failed |= (list.at[i].marks & EVENT_ERROR) != 0;
        r->finished |= (list.at[i].marks & EVENT_FINISH) != 0;
        r->done |= (list.at[i].marks & EVENT_DONE) != 0;
    }
}

/* The end of the body: by the provider's marker, by its framing after a finish reason, or cut. */
static void end_stream(struct reading *r)
{
    struct slice marker = {0};

    r->broken |= r->failed;
    r->run->complete = !r->broken && (r->done || r->finished);
    if (r->run->complete && !r->done && r->op->finish(r->state, &marker) < 0)
        r->run->complete = false;
    buf_printf(&r->run->text, "end: %s\n",
               r->broken     ? "broken"
               : r->done     ? "done"
               : r->finished ? "finished"
                             : "cut");
}

static void run_stream(const struct decoding *d, const struct provider_answer *answer, size_t cut,
                       struct run *ret)
{
    const struct adapter_op *op = d->target->adapter->ops[d->call->kind];
    struct reading r = {.op = op, .include_usage = d->call->include_usage, .run = ret};
    struct slice pieces[2] = {slice_sub(answer->body, 0, cut),
                              slice_sub(answer->body, cut, answer->body.len)};
    struct sse_frame frame;
    struct sse sse;

    sse_init(&sse, FRAME_MAX);
    r.state = calloc(1, op->state_size);
    if (op->begin && op->begin(r.state, d) < 0)
        abort();
    for (size_t i = 0; i < 2; i++)
        while (!r.done && !r.failed && sse_next(&sse, &pieces[i], &frame) == 1)
            read_frame(&r, &frame);
    if (!r.done && !r.failed && sse_end(&sse, &frame) == 1)
        read_frame(&r, &frame);
    end_stream(&r);
    free(r.state);
    sse_free(&sse);
}

static void write_refusal(const struct decoding *d, const struct fault *fault, struct run *ret)
{
    if (d->target->adapter->ops[d->call->kind]->translates && fault_is_refusal(fault->kind))
        buf_add(&ret->client, fault->upstream_body);
}

static void run_buffered(const struct decoding *d, const struct provider_answer *answer,
                         struct run *ret)
{
    const struct adapter_op *op = d->target->adapter->ops[d->call->kind];
    struct reply reply = {0};
    struct fault fault = {0};

    int rc = op->decode(d, answer->body, &reply, &fault);
    ret->complete = rc == OK;
    if (rc == OK) {
        buf_printf(&ret->text, "reply: %s", usage_source_name(reply.usage.source));
        write_usage(&ret->text, &reply.usage);
        if (op->translates)
            buf_add(&ret->client, reply.body);
    } else {
        buf_add(&ret->text, fault.kind ? SLICE("error:") : SLICE("bad"));
        if (fault.kind)
            write_fault(&ret->text, &fault);
        write_refusal(d, &fault, ret);
    }
    buf_add_char(&ret->text, '\n');
}

static void run_error(const struct decoding *d, const struct provider_answer *answer,
                      struct run *ret)
{
    const struct adapter_op *op = d->target->adapter->ops[d->call->kind];
    struct fault fault;

    d->target->adapter->classify(answer->status, &answer->head, answer->body, &fault);
    if (op->refusal && fault_is_refusal(fault.kind))
        op->refusal(&fault, d->arena);
    buf_add(&ret->text, SLICE("fault:"));
    write_fault(&ret->text, &fault);
    buf_add_char(&ret->text, '\n');
    write_refusal(d, &fault, ret);
}

void answer_run(const struct target *t, const struct call *c, const struct provider_answer *answer,
                size_t cut, struct run *ret)
{
    struct arena arena;
    const struct decoding d = {.target = t, .call = c, .arena = &arena, .out = &ret->client};

    arena_init(&arena, 0);
    if (answer->status < 200 || answer->status >= 300)
        run_error(&d, answer, ret);
    else if (answer->stream)
        run_stream(&d, answer, cut, ret);
    else
        run_buffered(&d, answer, ret);
    arena_clear(&arena);
}

void request_run(const struct target *t, const struct call *c, struct buf *ret)
{
    struct arena arena;
    struct http_message m;
    struct fault fault = {0};

    arena_init(&arena, 0);
    if (t->adapter->ops[c->kind]->encode(t, c, &arena, &m, &fault) < 0) {
        buf_add(ret, SLICE("fault:"));
        write_fault(ret, &fault);
        buf_add_char(ret, '\n');
        arena_clear(&arena);
        return;
    }
    buf_printf(ret, "%.*s %.*s\n", SLICE_FMT(m.method), SLICE_FMT(m.path));
    for (size_t i = 0; i < m.headers.len; i++)
        buf_printf(ret, "%.*s: %.*s\n", SLICE_FMT(m.headers.at[i].name),
                   SLICE_FMT(m.headers.at[i].value));
    buf_add_char(ret, '\n');
    buf_add(ret, whole_body(&arena, &m));
    arena_clear(&arena);
}
