/* map.c: linear probing in a power of two of slots, at most three quarters full. */

#include "base/map.h"

#include <errno.h>
#include <stdlib.h>

enum { MAP_FIRST = 16 };

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_free(struct map *m)
{
    free(m->entries);
    map_init(m);
}

/* The slot that holds the key, or the free one where it belongs. There is always a free slot. */
static struct map_entry *map_slot(struct map_entry *entries, size_t cap, struct slice key,
                                  uint64_t hash)
{
    size_t i = (size_t)hash & (cap - 1);

    while (entries[i].value && (entries[i].hash != hash || !slice_eq(entries[i].key, key)))
        i = (i + 1) & (cap - 1);
    return &entries[i];
}

static int map_grow(struct map *m)
{
    size_t cap = m->cap ? m->cap * 2 : MAP_FIRST;
    struct map_entry *entries = calloc(cap, sizeof(*entries));

    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < m->cap; i++) {
        struct map_entry *e = &m->entries[i];
        if (e->value)
            *map_slot(entries, cap, e->key, e->hash) = *e;
    }
    free(m->entries);
    m->entries = entries;
    m->cap = cap;
    return OK;
}

int map_put(struct map *m, struct slice key, void *value)
{
    uint64_t hash = slice_hash(key);

    if (m->len >= m->cap / 4 * 3) {
        int rc = map_grow(m);
        if (rc < 0)
            return rc;
    }
    struct map_entry *e = map_slot(m->entries, m->cap, key, hash);
    m->len += e->value == NULL;
    *e = (struct map_entry){key, hash, value};
    return OK;
}

void *map_get(const struct map *m, struct slice key)
{
    return m->len ? map_get_hashed(m, key, slice_hash(key)) : NULL;
}

void *map_get_hashed(const struct map *m, struct slice key, uint64_t hash)
{
    return m->len ? map_slot(m->entries, m->cap, key, hash)->value : NULL;
}

struct map_entry *map_next(const struct map *m, size_t *at)
{
    while (*at < m->cap) {
        struct map_entry *e = &m->entries[(*at)++];
        if (e->value)
            return e;
    }
    return NULL;
}
