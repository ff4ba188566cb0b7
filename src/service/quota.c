/* quota.c: the memory limiter.
 *
 * Keys are spread over shards, each with its lock; a key has one window of requests, one of tokens
 * and the number of its requests under way. A key that was not used for a whole window holds
 * nothing worth remembering and is dropped, so memory follows the keys of the last minute. */

#include "service/quota.h"

#include "base/list.h"
#include "service/quota_window.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum {
    SHARDS = 64, /* a power of two */
    PLACES_FIRST = 16,
    /* when a request ends cannot be known: what a client that was refused for concurrency waits */
    CONCURRENCY_RETRY_MS = 1000,
};

struct key_state {
    struct key_state *next; /* of its place in the table */
    struct list node;       /* in shard.idle */
    int64_t key_id;
    uint64_t used_ms; /* last */
    uint64_t under_way;
    struct quota_window requests, tokens;
};

struct shard {
    pthread_mutex_t lock;
    struct key_state **places;
    size_t cap, len;  /* cap: a power of two */
    struct list idle; /* all keys, the longest unused first */
} __attribute__((aligned(64)));

struct quota {
    struct shard shards[SHARDS];
};

static uint64_t mix(int64_t key_id)
{
    uint64_t h = (uint64_t)key_id * 0x9e3779b97f4a7c15u;

    return h ^ h >> 32;
}

/* --- a shard's table of keys --- */

static struct key_state **place_of(struct shard *s, int64_t key_id)
{
    return &s->places[(mix(key_id) / SHARDS) & (s->cap - 1)];
}

static struct key_state *shard_find(struct shard *s, int64_t key_id)
{
    struct key_state *k = *place_of(s, key_id);

    while (k && k->key_id != key_id)
        k = k->next;
    return k;
}

static void link_key(struct shard *s, struct key_state *k)
{
    struct key_state **place = place_of(s, k->key_id);

    k->next = *place;
    *place = k;
}

/* Out of memory: the table stays as it is and its chains grow longer. */
static void shard_grow(struct shard *s)
{
    struct key_state **places = calloc(s->cap * 2, sizeof(struct key_state *));

    if (!places)
        return;
    free(s->places);
    s->places = places;
    s->cap *= 2;
    list_for_each(it, &s->idle) link_key(s, list_entry(it, struct key_state, node));
}

static struct key_state *shard_add(struct shard *s, int64_t key_id)
{
    struct key_state *k = calloc(1, sizeof(*k));

    if (!k)
        return NULL;
    if (s->len == s->cap)
        shard_grow(s);
    k->key_id = key_id;
    link_key(s, k);
    list_add_tail(&s->idle, &k->node);
    s->len++;
    return k;
}

static void shard_drop(struct shard *s, struct key_state *k)
{
    struct key_state **at = place_of(s, k->key_id);

    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    list_remove(&k->node);
    s->len--;
    quota_window_free(&k->requests);
    quota_window_free(&k->tokens);
    free(k);
}

static void touch(struct shard *s, struct key_state *k, uint64_t now_ms)
{
    k->used_ms = MAX(k->used_ms, now_ms);
    list_remove(&k->node);
    list_add_tail(&s->idle, &k->node);
}

/* Two at each visit: more than can be added, so the idle ones go. One with a request under way goes
 * to the end of the line. */
static void drop_idle(struct shard *s, uint64_t now_ms)
{
    for (int i = 0; i < 2 && !list_is_empty(&s->idle); i++) {
        struct key_state *k = list_entry(s->idle.next, struct key_state, node);
        if (k->used_ms + QUOTA_WINDOW_MS > now_ms)
            return;
        if (k->under_way)
            touch(s, k, k->used_ms);
        else
            shard_drop(s, k);
    }
}

/* --- the decision --- */

static struct quota_numbers numbers(const struct quota_window *w, uint64_t limit, uint64_t now_ms)
{
    if (limit == 0)
        return (struct quota_numbers){0};
    return (struct quota_numbers){.limit = limit,
                                  .remaining = limit > w->sum ? limit - w->sum : 0,
                                  .reset_ms = quota_window_reset(w, now_ms)};
}

static bool window_fits(const struct quota_window *w, uint64_t limit, uint64_t amount)
{
    return limit == 0 || (w->sum <= limit && amount <= limit - w->sum);
}

static void refuse(struct quota_verdict *v, enum quota_limit limit, uint64_t retry_after_ms)
{
    if (v->refused == QUOTA_OK)
        v->refused = limit;
    v->retry_after_ms = MAX(v->retry_after_ms, retry_after_ms);
}

/* Every limit is looked at before anything is added; a client waits for the longest. */
static void judge(const struct key_state *k, const struct principal *p, uint64_t tokens,
                  uint64_t now_ms, struct quota_verdict *v)
{
    if (!window_fits(&k->requests, p->rpm, 1))
        refuse(v, QUOTA_REQUESTS, quota_window_wait(&k->requests, p->rpm - 1, now_ms));
    if (!window_fits(&k->tokens, p->tpm, tokens))
        refuse(v, QUOTA_TOKENS, quota_window_wait(&k->tokens, p->tpm - tokens, now_ms));
    if (p->concurrency && k->under_way >= p->concurrency)
        refuse(v, QUOTA_CONCURRENCY, CONCURRENCY_RETRY_MS);
}

static int make_room(struct key_state *k, const struct principal *p)
{
    int rc = p->rpm ? quota_window_reserve(&k->requests) : OK;

    return rc == OK && p->tpm ? quota_window_reserve(&k->tokens) : rc;
}

static void take(struct key_state *k, const struct principal *p, uint64_t now_ms,
                 struct quota_lease *lease)
{
    lease->counted = p->rpm > 0;
    if (p->rpm)
        lease->asked_ms = quota_window_add(&k->requests, 1, now_ms);
    if (p->tpm)
        lease->taken_ms = quota_window_add(&k->tokens, lease->tokens, now_ms);
    k->under_way++;
    lease->held = true;
}

/* The key as it stands at now_ms; NULL: out of memory. */
static struct key_state *visit(struct shard *s, int64_t key_id, uint64_t now_ms)
{
    drop_idle(s, now_ms);
    struct key_state *k = shard_find(s, key_id);
    if (!k)
        k = shard_add(s, key_id);
    if (!k)
        return NULL;
    touch(s, k, now_ms);
    quota_window_expire(&k->requests, now_ms);
    quota_window_expire(&k->tokens, now_ms);
    return k;
}

static int take_in_shard(struct shard *s, const struct principal *p, uint64_t now_ms,
                         struct quota_lease *lease, struct quota_verdict *v)
{
    struct key_state *k = visit(s, p->key_id, now_ms);
    if (!k)
        return -ENOMEM;
    judge(k, p, lease->tokens, now_ms, v);
    if (v->refused == QUOTA_OK) {
        int rc = make_room(k, p);
        if (rc < 0)
            return rc;
        take(k, p, now_ms, lease);
    }
    v->requests = numbers(&k->requests, p->rpm, now_ms);
    v->tokens = numbers(&k->tokens, p->tpm, now_ms);
    return OK;
}

static bool has_limits(const struct principal *p)
{
    return p->rpm || p->tpm || p->concurrency;
}

static struct quota_lease lease_for(const struct principal *p, uint64_t tokens)
{
    /* at least one token, so that a key which has used up its limit is refused whatever it asks */
    return (struct quota_lease){.key_id = p->key_id,
                                .tokens = p->tpm ? MIN(MAX(tokens, 1u), p->tpm) : 0};
}

int quota_take(struct quota *q, const struct principal *p, uint64_t tokens, uint64_t now_ms,
               struct quota_lease *ret_lease, struct quota_verdict *ret)
{
    *ret = (struct quota_verdict){0};
    *ret_lease = lease_for(p, tokens);
    if (!has_limits(p))
        return OK;
    struct shard *s = &q->shards[mix(p->key_id) % SHARDS];
    pthread_mutex_lock(&s->lock);
    int rc = take_in_shard(s, p, now_ms, ret_lease, ret);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

int quota_count(struct quota *q, const struct principal *p, uint64_t tokens, uint64_t now_ms,
                struct quota_lease *ret_lease)
{
    *ret_lease = lease_for(p, tokens);
    if (!has_limits(p))
        return OK;
    struct shard *s = &q->shards[mix(p->key_id) % SHARDS];
    pthread_mutex_lock(&s->lock);
    struct key_state *k = visit(s, p->key_id, now_ms);
    int rc = k ? make_room(k, p) : -ENOMEM;
    if (rc == OK)
        take(k, p, now_ms, ret_lease);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* What was not used leaves the moment at which it was reserved; what was used beyond it was used
 * now. */
static void correct(struct key_state *k, const struct quota_lease *lease, uint64_t tokens,
                    uint64_t now_ms)
{
    if (tokens < lease->tokens)
        quota_window_take_back(&k->tokens, lease->tokens - tokens, lease->taken_ms);
    if (tokens <= lease->tokens)
        return;
    quota_window_expire(&k->tokens, now_ms);
    if (quota_window_reserve(&k->tokens) == OK || k->tokens.len)
        quota_window_add(&k->tokens, tokens - lease->tokens, now_ms);
}

static void give_back(struct quota *q, struct quota_lease *lease, uint64_t tokens, bool undo,
                      uint64_t now_ms)
{
    if (!lease->held)
        return;
    lease->held = false;
    struct shard *s = &q->shards[mix(lease->key_id) % SHARDS];
    pthread_mutex_lock(&s->lock);
    struct key_state *k = shard_find(s, lease->key_id); /* stays while a request is under way */
    k->under_way--;
    if (lease->tokens)
        correct(k, lease, tokens, now_ms);
    if (undo && lease->counted)
        quota_window_take_back(&k->requests, 1, lease->asked_ms);
    touch(s, k, now_ms);
    pthread_mutex_unlock(&s->lock);
}

void quota_settle(struct quota *q, struct quota_lease *lease, uint64_t tokens, uint64_t now_ms)
{
    give_back(q, lease, tokens, false, now_ms);
}

void quota_undo(struct quota *q, struct quota_lease *lease, uint64_t now_ms)
{
    give_back(q, lease, 0, true, now_ms);
}

size_t quota_keys(struct quota *q)
{
    size_t n = 0;

    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&q->shards[i].lock);
        n += q->shards[i].len;
        pthread_mutex_unlock(&q->shards[i].lock);
    }
    return n;
}

static int shard_init(struct shard *s)
{
    list_init(&s->idle);
    pthread_mutex_init(&s->lock, NULL);
    s->cap = PLACES_FIRST;
    s->places = calloc(s->cap, sizeof(struct key_state *));
    return s->places ? OK : -ENOMEM;
}

static void shard_free(struct shard *s)
{
    while (!list_is_empty(&s->idle))
        shard_drop(s, list_entry(s->idle.next, struct key_state, node));
    free(s->places);
    pthread_mutex_destroy(&s->lock);
}

struct quota *quota_new(void)
{
    struct quota *q = aligned_alloc(64, sizeof(*q));
    int rc = OK;

    if (!q)
        return NULL;
    memset(q, 0, sizeof(*q));
    for (size_t i = 0; i < SHARDS; i++) {
        if (shard_init(&q->shards[i]) < 0)
            rc = -ENOMEM;
    }
    if (rc < 0) {
        quota_free(q);
        return NULL;
    }
    return q;
}

void quota_free(struct quota *q)
{
    if (!q)
        return;
    for (size_t i = 0; i < SHARDS; i++)
        shard_free(&q->shards[i]);
    free(q);
}
