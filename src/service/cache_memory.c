/* cache_memory.c: see cache_memory.h.
 *
 * A key is a keyed hash: its bytes are the hash of the tables. A shard holds a table with chains
 * and the list of its answers, the longest unused first. Entries are freed outside the locks. */

#include "service/cache_memory.h"

#include "base/clock.h"
#include "base/list.h"
#include "service/cache_room.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum {
    SHARDS = 64, /* a power of two */
    PLACES_FIRST = 16,
};

struct kept {
    struct kept *next; /* of its place in the table */
    struct list node;  /* in shard.unused */
    struct cache_key key;
    uint64_t until_ms;
    struct cache_entry *entry; /* held */
};

struct shard {
    pthread_mutex_t lock;
    struct kept **places;
    size_t cap, len;    /* cap: a power of two */
    struct list unused; /* all, the longest unused first */
} __attribute__((aligned(64)));

struct cache_memory {
    struct cache_store store;
    struct cache_room room;
    struct cache_counters counters;
    atomic_uint next_victim; /* the shard that makes room next */
    _Atomic uint64_t evictions;
    struct shard shards[SHARDS];
};

/* --- a shard's table --- */

static uint64_t key_part(const struct cache_key *key, size_t at)
{
    uint64_t part;

    memcpy(&part, key->bytes + at, sizeof(part));
    return part;
}

static struct shard *shard_of(struct cache_memory *m, const struct cache_key *key)
{
    return &m->shards[key_part(key, 0) & (SHARDS - 1)];
}

static struct kept **place_of(const struct shard *s, const struct cache_key *key)
{
    return &s->places[key_part(key, sizeof(uint64_t)) & (s->cap - 1)];
}

static struct kept *shard_find(const struct shard *s, const struct cache_key *key)
{
    struct kept *k = *place_of(s, key);

    while (k && memcmp(&k->key, key, sizeof(*key)) != 0)
        k = k->next;
    return k;
}

static void link_kept(struct shard *s, struct kept *k)
{
    struct kept **place = place_of(s, &k->key);

    k->next = *place;
    *place = k;
}

/* Takes it out; the caller frees it behind the lock. */
static struct kept *shard_remove(struct shard *s, struct kept *k)
{
    struct kept **at = place_of(s, &k->key);

    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    list_remove(&k->node);
    s->len--;
    return k;
}

/* Without room or memory the table stays as it is and its chains grow longer. */
static void shard_grow(struct cache_memory *m, struct shard *s)
{
    size_t size = s->cap * sizeof(struct kept *);

    if (s->len < s->cap || !cache_room_take(&m->room, 2 * size))
        return;
    struct kept **places = calloc(2, size);
    cache_room_give(&m->room, places ? size : 2 * size);
    if (!places)
        return;
    free(s->places);
    s->places = places;
    s->cap *= 2;
    list_for_each(it, &s->unused) link_kept(s, list_entry(it, struct kept, node));
}

static void free_kept(struct cache_memory *m, struct kept *k)
{
    if (!k)
        return;
    cache_entry_drop(k->entry);
    cache_room_give(&m->room, sizeof(*k));
    free(k);
}

/* --- room --- */

static struct kept *shard_oldest(const struct shard *s)
{
    return list_is_empty(&s->unused) ? NULL : list_entry(s->unused.next, struct kept, node);
}

/* False: nothing is kept. */
static bool evict_one(struct cache_memory *m)
{
    struct kept *victim = NULL;

    for (unsigned i = 0; !victim && i < SHARDS; i++) {
        unsigned at = atomic_fetch_add_explicit(&m->next_victim, 1, memory_order_relaxed);
        struct shard *s = &m->shards[at & (SHARDS - 1)];
        pthread_mutex_lock(&s->lock);
        victim = shard_oldest(s);
        if (victim)
            shard_remove(s, victim);
        pthread_mutex_unlock(&s->lock);
    }
    if (victim)
        atomic_fetch_add_explicit(&m->evictions, 1, memory_order_relaxed);
    free_kept(m, victim);
    return victim;
}

bool cache_memory_take(struct cache_memory *m, size_t n)
{
    if (n > m->room.most)
        return false;
    while (!cache_room_take(&m->room, n))
        if (!evict_one(m))
            return false;
    return true;
}

/* --- in and out --- */

struct cache_entry *cache_memory_get(struct cache_memory *m, const struct cache_key *key,
                                     uint64_t now_ms)
{
    struct shard *s = shard_of(m, key);
    struct cache_entry *entry = NULL;
    struct kept *old = NULL;

    pthread_mutex_lock(&s->lock);
    struct kept *k = shard_find(s, key);
    if (k && now_ms >= k->until_ms) {
        old = shard_remove(s, k);
    } else if (k) {
        list_remove(&k->node);
        list_add_tail(&s->unused, &k->node);
        entry = k->entry;
        cache_entry_hold(entry);
    }
    pthread_mutex_unlock(&s->lock);
    free_kept(m, old);
    return entry;
}

/* Room is taken before memory. */
static int make_kept(struct cache_memory *m, const struct cache_answer *answer, struct kept **ret)
{
    size_t size = cache_entry_size(answer), room = size + sizeof(struct kept);

    if (!cache_memory_take(m, room))
        return -ENOSPC;
    struct kept *k = calloc(1, sizeof(*k));
    if (k)
        k->entry = cache_entry_new(answer, &m->room);
    if (!k || !k->entry) {
        free(k);
        cache_room_give(&m->room, room);
        return -ENOMEM;
    }
    *ret = k;
    return OK;
}

/* Takes out what k replaces, or else what is too old and first in line. */
static struct kept *shard_replace(struct shard *s, struct kept *k, uint64_t now_ms)
{
    struct kept *old = shard_find(s, &k->key), *oldest = shard_oldest(s);

    if (!old && oldest && now_ms >= oldest->until_ms)
        old = oldest;
    if (old)
        shard_remove(s, old);
    link_kept(s, k);
    list_add_tail(&s->unused, &k->node);
    s->len++;
    return old;
}

int cache_memory_put(struct cache_memory *m, const struct cache_key *key,
                     const struct cache_answer *answer, uint64_t ttl_ms, uint64_t now_ms)
{
    struct shard *s = shard_of(m, key);
    struct kept *k, *gone;
    int rc = make_kept(m, answer, &k);

    if (rc < 0)
        return rc;
    k->key = *key;
    k->until_ms = now_ms + ttl_ms;
    pthread_mutex_lock(&s->lock);
    shard_grow(m, s);
    gone = shard_replace(s, k, now_ms);
    pthread_mutex_unlock(&s->lock);
    free_kept(m, gone);
    return OK;
}

/* --- as a store --- */

static int memory_fetch(struct cache_store *store, const struct cache_key *key,
                        struct cache_fetch *f)
{
    struct cache_memory *m = container_of(store, struct cache_memory, store);

    f->entry = cache_memory_get(m, key, clock_now_ms());
    return f->entry ? OK : -ENOENT;
}

static void memory_cancel(struct cache_store *store, struct cache_fetch *f)
{
    (void)store;
    (void)f; /* none of them waits */
}

static int memory_keep(struct cache_store *store, const struct cache_key *key,
                       const struct cache_answer *answer, uint64_t ttl_ms)
{
    struct cache_memory *m = container_of(store, struct cache_memory, store);

    return cache_memory_put(m, key, answer, ttl_ms, clock_now_ms());
}

static const struct cache_store_methods memory_methods = {
    .fetch = memory_fetch,
    .cancel = memory_cancel,
    .keep = memory_keep,
};

struct cache_store *cache_memory_store(struct cache_memory *m)
{
    return &m->store;
}

struct cache_room *cache_memory_room(struct cache_memory *m)
{
    return &m->room;
}

struct cache_counters *cache_memory_counters(struct cache_memory *m)
{
    return &m->counters;
}

void cache_memory_state(struct cache_memory *m, struct cache_memory_state *ret)
{
    *ret = (struct cache_memory_state){
        .bytes = atomic_load_explicit(&m->room.used, memory_order_relaxed),
        .most = m->room.most,
        .evictions = atomic_load_explicit(&m->evictions, memory_order_relaxed),
    };
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&m->shards[i].lock);
        ret->entries += m->shards[i].len;
        pthread_mutex_unlock(&m->shards[i].lock);
    }
}

/* --- its life --- */

static void shard_free(struct cache_memory *m, struct shard *s)
{
    list_for_each_safe(it, &s->unused) free_kept(m, list_entry(it, struct kept, node));
    pthread_mutex_destroy(&s->lock);
    free(s->places);
}

/* False: it has no table. */
static bool shard_init(struct cache_memory *m, struct shard *s)
{
    pthread_mutex_init(&s->lock, NULL);
    list_init(&s->unused);
    s->cap = PLACES_FIRST;
    s->places = calloc(s->cap, sizeof(struct kept *));
    return s->places && cache_room_take(&m->room, s->cap * sizeof(struct kept *));
}

struct cache_memory *cache_memory_new(size_t most)
{
    struct cache_memory *m = aligned_alloc(_Alignof(struct cache_memory), sizeof(*m));
    bool ok = true;

    if (!m)
        return NULL;
    memset(m, 0, sizeof(*m));
    m->store.methods = &memory_methods;
    m->room.most = most;
    for (size_t i = 0; i < SHARDS; i++)
        ok &= shard_init(m, &m->shards[i]);
    if (!ok) {
        cache_memory_free(m);
        return NULL;
    }
    return m;
}

void cache_memory_free(struct cache_memory *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < SHARDS; i++)
        shard_free(m, &m->shards[i]);
    free(m);
}
