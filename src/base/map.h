/* map.h: name → pointer, open addressing. Built by one owner; read by many threads once built.
 *
 * The keys are borrowed: they must live as long as the map. Values are never NULL. */

#pragma once

#include "base/slice.h"

struct map_entry {
    struct slice key;
    uint64_t hash;
    void *value; /* NULL: free slot */
};

struct map {
    struct map_entry *entries;
    size_t cap, len;
};

void map_init(struct map *m);
void map_free(struct map *m);
/* Adds or replaces. -ENOMEM. */
int map_put(struct map *m, struct slice key, void *value) MUST_USE;
/* NULL when absent. */
void *map_get(const struct map *m, struct slice key);
/* The same with a hash made earlier by slice_hash(key). */
void *map_get_hashed(const struct map *m, struct slice key, uint64_t hash);
/* Iterates: start with *at = 0; NULL at the end. */
struct map_entry *map_next(const struct map *m, size_t *at);
