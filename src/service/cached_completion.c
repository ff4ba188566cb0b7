/* cached_completion.c: see cached_completion.h. */

#include "service/cached_completion.h"

#include "base/clock.h"
#include "router/registry.h"
#include "service/completion_private.h"

#include <errno.h>

enum { REPLAY_BYTES = 16 * 1024 }; /* of a stream, handed on at once */

/* --- a hit --- */

static int replay_head(struct cached_completion *c)
{
    const struct cache_entry *e = c->fetch.entry;
    struct outcome *outcome = c->ask.outcome;
    const struct sink_head head = {
        .status = 200,
        .stream = e->stream,
        .content_length = e->body.len,
        .content_type = e->content_type,
    };

    outcome->cache = OUTCOME_CACHE_HIT;
    outcome->served_model = c->model->name;
    outcome->provider = e->provider;
    if (e->stream)
        outcome->first_token_us = clock_now_us() - c->ask.started_us;
    return c->ask.sink->events->on_head(c->ask.sink, &head);
}

/* The next bytes; a whole answer goes at once, and its bytes live as long as the request. */
static int replay_some(struct cached_completion *c)
{
    const struct cache_entry *e = c->fetch.entry;
    size_t left = e->body.len - c->replayed;
    size_t n = e->stream ? MIN(left, (size_t)REPLAY_BYTES) : left;
    struct slice piece = slice_sub(e->body, c->replayed, c->replayed + n);
    bool last = n == left;

    c->replayed += n;
    if (last)
        c->state = CACHED_ENDED;
    return c->ask.sink->events->on_bytes(c->ask.sink, &piece, n > 0, last);
}

/* OK: to the end, or nobody listens any more; AGAIN: until there is room again. */
static int replay(struct cached_completion *c)
{
    int rc = OK;

    while (rc == OK && c->state == CACHED_REPLAYING)
        rc = replay_some(c);
    if (rc < 0)
        c->state = CACHED_ENDED;
    return c->state == CACHED_REPLAYING ? AGAIN : OK;
}

static int cached_hit(struct cached_completion *c)
{
    c->state = CACHED_REPLAYING;
    if (replay_head(c) < 0) {
        c->state = CACHED_ENDED;
        return OK;
    }
    return replay(c);
}

/* --- a miss --- */

static int cached_miss(struct cached_completion *c, struct fault *ret_fault)
{
    c->state = CACHED_ASKING;
    c->ask.outcome->cache = OUTCOME_CACHE_MISS;
    if (c->keeps) {
        c->tee.client = c->ask.sink;
        c->tee.cache = c->ask.cache;
        c->tee.key = c->key;
        c->tee.ttl_ms = c->model->cache_ms;
        c->tee.outcome = c->ask.outcome;
        cache_tee_init(&c->tee);
        c->ask.sink = &c->tee.sink;
    }
    return completion_ask_router(c->completion, &c->ask, c->model, c->arena, ret_fault);
}

static void cached_on_fetch(struct op *op, int rc)
{
    struct cached_completion *c = container_of(op, struct cached_completion, fetch.op);
    struct fault fault;

    cache_count_fetch(c->ask.cache, rc);
    if (rc == OK)
        cached_hit(c);
    else if (cached_miss(c, &fault) < 0)
        c->ask.sink->events->on_fault(c->ask.sink, &fault);
}

/* --- from the start to the end --- */

static void cached_on_arena_end(void *arg)
{
    struct cached_completion *c = arg;

    cached_completion_cancel(c);
    if (c->tee.cache) /* something is written down */
        cache_tee_stop(&c->tee);
    cache_entry_drop(c->fetch.entry);
}

/* Whether it has a place in the cache; its key, and what may be done there. */
static bool cached_prepare(struct cached_completion *c, bool *ret_look)
{
    struct cache_wish wish = {.look = false};

    if (c->ask.wish(c->ask.caller, &wish) < 0 || (!wish.look && !wish.keep))
        return false;
    if (cache_key_make(c->ask.cache, c->model, c->ask.principal, wish.identity, &c->key) < 0)
        return false;
    if (arena_defer(c->arena, cached_on_arena_end, c) < 0)
        return false;
    c->keeps = wish.keep;
    *ret_look = wish.look;
    return true;
}

int cached_completion_start(struct cached_completion *c, struct fault *ret_fault)
{
    bool look = false;
    int rc = -ENOENT;

    if (cached_prepare(c, &look) && look) {
        c->state = CACHED_LOOKING;
        c->fetch.op.done = cached_on_fetch;
        rc = cache_fetch(c->ask.cache, &c->key, &c->fetch);
    }
    if (rc == AGAIN)
        return AGAIN;
    return rc == OK ? cached_hit(c) : cached_miss(c, ret_fault);
}

bool cached_completion_proceed(struct cached_completion *c)
{
    if (c->state == CACHED_REPLAYING)
        replay(c);
    return c->state != CACHED_ASKING;
}

bool cached_completion_cancel(struct cached_completion *c)
{
    enum cached_state state = c->state;

    if (state == CACHED_ASKING)
        return false;
    c->state = CACHED_ENDED;
    if (state == CACHED_LOOKING)
        cache_fetch_cancel(c->ask.cache, &c->fetch);
    return true;
}
