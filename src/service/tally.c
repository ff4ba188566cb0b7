/* tally.c: rows in blocks that never move, found through a table of their numbers. See tally.h.
 *
 * A row is written whole before `len` tells of it; after that only its cells change. The table is
 * the owner's alone. */

#include "service/tally.h"

#include <stdlib.h>

enum {
    BLOCK_ROWS = 64,
    ROWS_MOST = TALLY_ROWS + TALLY_SPARE,
    BLOCKS = (ROWS_MOST + BLOCK_ROWS - 1) / BLOCK_ROWS,
    PLACES = 4096, /* of the table: a power of two */
};

struct row {
    uint64_t hash;
    uint32_t code;
    uint8_t lens[TALLY_NAMES];
    struct slice place;
    char texts[TALLY_NAMES][TALLY_NAME_MAX];
    tally_cell cells[];
};

struct tally {
    size_t cells, row_bytes;
    atomic_size_t len;
    tally_cell lost;
    char *blocks[BLOCKS];
    uint16_t places[PLACES]; /* number of a row + 1; 0: free */
};

struct tally *tally_new(size_t cells)
{
    struct tally *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->cells = cells;
    t->row_bytes = sizeof(struct row) + cells * sizeof(tally_cell);
    return t;
}

void tally_free(struct tally *t)
{
    for (size_t i = 0; t && i < BLOCKS; i++)
        free(t->blocks[i]);
    free(t);
}

static struct row *row_at(const struct tally *t, size_t i)
{
    return (struct row *)(void *)(t->blocks[i / BLOCK_ROWS] + i % BLOCK_ROWS * t->row_bytes);
}

static struct slice name_cut(struct slice name)
{
    return slice_of(name.at, MIN(name.len, (size_t)TALLY_NAME_MAX));
}

static bool row_is(const struct row *r, const struct tally_key *key)
{
    if (r->code != key->code || r->place.at != key->place.at)
        return false;
    for (size_t i = 0; i < TALLY_NAMES; i++)
        if (!slice_eq(slice_of(r->texts[i], r->lens[i]), name_cut(key->names[i])))
            return false;
    return true;
}

/* The first name and the lengths of the others tell most rows apart. */
static uint64_t key_hash(const struct tally_key *key)
{
    uint64_t small = key->code + 31 * (uint64_t)(uintptr_t)key->place.at;

    for (size_t i = 1; i < TALLY_NAMES; i++)
        small = small * 131 + key->names[i].len;
    return slice_hash(name_cut(key->names[0])) ^ small * 0x9e3779b97f4a7c15u;
}

static struct row *row_make(struct tally *t, const struct tally_key *key, uint64_t hash)
{
    size_t at = atomic_load_explicit(&t->len, memory_order_relaxed);
    char **block = &t->blocks[at / BLOCK_ROWS];

    if (!*block)
        *block = calloc(BLOCK_ROWS, t->row_bytes);
    if (!*block)
        return NULL;
    struct row *r = row_at(t, at);
    r->hash = hash;
    r->code = key->code;
    r->place = key->place;
    for (size_t i = 0; i < TALLY_NAMES; i++) {
        struct slice name = name_cut(key->names[i]);
        r->lens[i] = (uint8_t)name.len;
        if (name.len)
            memcpy(r->texts[i], name.at, name.len);
    }
    atomic_store_explicit(&t->len, at + 1, memory_order_release);
    return r;
}

/* What the key becomes when there is no room for its names. */
static struct tally_key key_of_others(const struct tally_key *key)
{
    struct tally_key other = *key;

    for (size_t i = 0; i < TALLY_NAMES; i++)
        if (!slice_is_empty(key->names[i]))
            other.names[i] = SLICE("other");
    return other;
}

static struct row *row_find(struct tally *t, const struct tally_key *key, size_t most)
{
    uint64_t hash = key_hash(key);
    size_t place = (hash ^ hash >> 32) % PLACES;

    for (; t->places[place]; place = (place + 1) % PLACES) {
        struct row *r = row_at(t, t->places[place] - 1u);
        if (r->hash == hash && row_is(r, key))
            return r;
    }
    size_t len = atomic_load_explicit(&t->len, memory_order_relaxed);
    struct row *r = len < most ? row_make(t, key, hash) : NULL;
    if (r)
        t->places[place] = (uint16_t)(len + 1);
    return r;
}

tally_cell *tally_row(struct tally *t, const struct tally_key *key)
{
    struct row *r = row_find(t, key, TALLY_ROWS);

    if (UNLIKELY(!r)) {
        const struct tally_key other = key_of_others(key);
        r = row_find(t, &other, ROWS_MOST);
    }
    if (LIKELY(r))
        return r->cells;
    tally_add(&t->lost, 1);
    return NULL;
}

size_t tally_len(const struct tally *t)
{
    return atomic_load_explicit(&t->len, memory_order_acquire);
}

const tally_cell *tally_read(const struct tally *t, size_t i, struct tally_key *ret)
{
    const struct row *r = row_at(t, i);

    *ret = (struct tally_key){.code = r->code, .place = r->place};
    for (size_t n = 0; n < TALLY_NAMES; n++)
        ret->names[n] = slice_of(r->texts[n], r->lens[n]);
    return r->cells;
}

uint64_t tally_lost(const struct tally *t)
{
    return tally_get(&t->lost);
}
