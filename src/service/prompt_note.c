/* prompt_note.c: see prompt_note.h. */

#include "service/prompt_note.h"

#include "service/prompt_keeper.h"

static void note_on_arena_end(void *arg)
{
    struct prompt_note *n = arg;

    prompt_draft_drop(n->keeper, n->draft, false);
    n->draft = NULL;
}

static int note_on_head(struct sink *s, const struct sink_head *head)
{
    struct prompt_note *n = container_of(s, struct prompt_note, sink);

    n->stream = head->stream;
    return n->client->events->on_head(n->client, head);
}

static int note_on_bytes(struct sink *s, const struct slice *spans, size_t len, bool last)
{
    struct prompt_note *n = container_of(s, struct prompt_note, sink);

    if (n->draft && !prompt_draft_add(n->keeper, n->draft, spans, len)) {
        prompt_draft_drop(n->keeper, n->draft, true);
        n->draft = NULL;
    }
    return n->client->events->on_bytes(n->client, spans, len, last);
}

static void note_on_fault(struct sink *s, const struct fault *fault)
{
    struct prompt_note *n = container_of(s, struct prompt_note, sink);

    n->client->events->on_fault(n->client, fault);
}

static const struct sink_events note_events = {
    .on_head = note_on_head,
    .on_bytes = note_on_bytes,
    .on_fault = note_on_fault,
};

struct prompt_note *prompt_note_new(struct prompt_keeper *k, struct slice body, struct sink *client,
                                    struct arena *a)
{
    struct prompt_note *n = arena_new(a, struct prompt_note);

    if (!n || arena_defer(a, note_on_arena_end, n) < 0)
        return NULL;
    n->sink.events = &note_events;
    n->client = client;
    n->keeper = k;
    n->draft = prompt_draft_new(k, body);
    return n->draft ? n : NULL;
}

void prompt_note_end(struct prompt_note *n, const struct prompt *what)
{
    struct prompt_draft *d = n->draft;

    if (!d)
        return;
    struct prompt known = d->prompt;
    d->prompt = *what;
    d->prompt.mode = known.mode;
    d->prompt.cut = known.cut;
    d->prompt.request = known.request;
    d->prompt.stream = n->stream;
    n->draft = NULL;
    prompt_draft_hand(n->keeper, d);
}
