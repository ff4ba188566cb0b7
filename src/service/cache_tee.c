/* cache_tee.c: see cache_tee.h. */

#include "service/cache_tee.h"

#include "service/cache_memory.h"
#include "service/cache_room.h"

#include <errno.h>

enum { TYPE_MOST = 256 };

void cache_tee_stop(struct cache_tee *t)
{
    buf_free(&t->body);
    cache_room_give(cache_memory_room(cache_options(t->cache)->memory), t->room);
    t->room = 0;
    t->off = true;
}

static struct cache_counters *tee_counters(const struct cache_tee *t)
{
    return cache_memory_counters(cache_options(t->cache)->memory);
}

static void tee_count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void tee_refuse_size(struct cache_tee *t)
{
    tee_count(&tee_counters(t)->too_large);
    cache_tee_stop(t);
}

/* Room for n bytes in all, in steps of doubling. */
static bool tee_take_room(struct cache_tee *t, size_t n)
{
    size_t room = MAX(t->room, (size_t)1024);

    while (room < n)
        room *= 2;
    if (room > t->room && !cache_memory_take(cache_options(t->cache)->memory, room - t->room))
        return false;
    t->room = room;
    return true;
}

/* False: it is not written down any more. */
static bool tee_add(struct cache_tee *t, const struct slice *spans, size_t n)
{
    size_t sum = t->body.len;

    for (size_t i = 0; i < n; i++)
        sum += spans[i].len;
    if (sum > t->body.max) {
        tee_refuse_size(t);
        return false;
    }
    bool ok = tee_take_room(t, sum);
    for (size_t i = 0; ok && i < n; i++)
        ok = buf_add(&t->body, spans[i]) == OK;
    if (ok)
        return true;
    tee_count(&tee_counters(t)->refused);
    cache_tee_stop(t);
    return false;
}

/* Another attempt since it began: another provider's, or another answer's, rest. */
static bool tee_is_in_one_piece(const struct cache_tee *t)
{
    const struct outcome *o = t->outcome;

    return o->status == OUTCOME_OK && !o->fallback_used && o->attempts == t->attempts;
}

static void tee_keep(struct cache_tee *t, const struct slice *spans, size_t n)
{
    struct cache_answer answer = {
        .stream = t->stream,
        .content_type = t->content_type,
        .provider = t->outcome->provider,
        .body = spans,
        .body_len = n,
    };

    if (!tee_is_in_one_piece(t))
        return;
    if (cache_answer_bytes(&answer) > t->body.max)
        tee_refuse_size(t);
    else
        cache_keep(t->cache, &t->key, &answer, t->ttl_ms);
}

/* A whole answer is kept from where it stands; of a stream the pieces are gathered. */
static void tee_note(struct cache_tee *t, const struct slice *spans, size_t n, bool last)
{
    if (t->waits && t->outcome->first_token_us == 0)
        return;
    if (t->waits)
        t->attempts = t->outcome->attempts;
    t->waits = false;
    if (last && t->body.len == 0) {
        tee_keep(t, spans, n);
    } else if (tee_add(t, spans, n) && last) {
        struct slice body = buf_slice(&t->body);
        tee_keep(t, &body, 1);
    }
    if (last)
        cache_tee_stop(t);
}

static int tee_on_head(struct sink *s, const struct sink_head *head)
{
    struct cache_tee *t = container_of(s, struct cache_tee, sink);

    t->stream = head->stream;
    t->waits = head->early;
    t->attempts = t->outcome->attempts;
    if (!head->stream)
        t->content_type = head->content_type;
    if (head->status != 200 || t->content_type.len > TYPE_MOST)
        t->off = true;
    return t->client->events->on_head(t->client, head);
}

/* Kept before the client has its last bytes: whoever saw the end of an answer finds it there. */
static int tee_on_bytes(struct sink *s, const struct slice *spans, size_t n, bool last)
{
    struct cache_tee *t = container_of(s, struct cache_tee, sink);

    if (!t->off)
        tee_note(t, spans, n, last);
    return t->client->events->on_bytes(t->client, spans, n, last);
}

static void tee_on_fault(struct sink *s, const struct fault *fault)
{
    struct cache_tee *t = container_of(s, struct cache_tee, sink);

    cache_tee_stop(t);
    t->client->events->on_fault(t->client, fault);
}

static const struct sink_events tee_events = {
    .on_head = tee_on_head,
    .on_bytes = tee_on_bytes,
    .on_fault = tee_on_fault,
};

void cache_tee_init(struct cache_tee *t)
{
    t->sink.events = &tee_events;
    buf_init(&t->body, cache_options(t->cache)->entry_bytes);
}
