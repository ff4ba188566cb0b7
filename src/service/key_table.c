/* key_table.c: see key_table.h. */

#include "service/key_table.h"

#include "service/key_shard.h"

#include <errno.h>
#include <stdlib.h>

/* With a million keys a shard has some 240: 40 KB that a change copies. */
enum { SHARD_BITS = 12, SHARDS = 1 << SHARD_BITS };

struct key_table {
    size_t len;
    struct key_shard *shards[SHARDS]; /* NULL: empty */
};

static size_t shard_of(const unsigned char hash[KEY_HASH_LEN])
{
    return ((size_t)hash[0] << 8 | hash[1]) >> (16 - SHARD_BITS);
}

static size_t shard_len(const struct key_shard *s)
{
    return s ? s->len : 0;
}

/* --- changing --- */

/* The rows of each shard, in their order. */
struct sorted_rows {
    uint32_t first[SHARDS];
    uint32_t next[]; /* of each row */
};

static struct sorted_rows *sort_rows(const struct key_row *rows, size_t n)
{
    struct sorted_rows *sorted = malloc(sizeof(*sorted) + n * sizeof(sorted->next[0]));

    if (!sorted)
        return NULL;
    for (size_t i = 0; i < SHARDS; i++)
        sorted->first[i] = KEY_ROWS_END;
    for (size_t i = n; i-- > 0;) {
        uint32_t *first = &sorted->first[shard_of(rows[i].hash)];
        sorted->next[i] = *first;
        *first = (uint32_t)i;
    }
    return sorted;
}

static int change_shards(struct key_table *t, const struct key_row *rows,
                         const struct sorted_rows *sorted)
{
    struct key_shard_maker *maker = key_shard_maker_new();
    int rc = maker ? OK : -ENOMEM;

    for (size_t i = 0; rc == OK && i < SHARDS; i++) {
        struct key_rows some = {rows, sorted->next, sorted->first[i]};
        struct key_shard *old = t->shards[i];
        if (some.first == KEY_ROWS_END)
            continue;
        rc = key_shard_change(maker, old, some, &t->shards[i]);
        t->len += shard_len(t->shards[i]);
        t->len -= shard_len(old);
        key_shard_unref(old);
    }
    key_shard_maker_free(maker);
    return rc;
}

static struct key_table *share(const struct key_table *old)
{
    struct key_table *t = calloc(1, sizeof(*t));

    if (!t || !old)
        return t;
    *t = *old;
    for (size_t i = 0; i < SHARDS; i++)
        key_shard_ref(t->shards[i]);
    return t;
}

int key_table_change(const struct key_table *old, const struct key_row *rows, size_t n,
                     struct key_table **ret)
{
    struct sorted_rows *sorted = n < KEY_ROWS_END ? sort_rows(rows, n) : NULL;
    struct key_table *t = sorted ? share(old) : NULL;
    int rc = t ? change_shards(t, rows, sorted) : -ENOMEM;

    free(sorted);
    if (rc < 0) {
        key_table_free(t);
        t = NULL;
    }
    *ret = t;
    return rc;
}

int key_table_new(const struct key_row *rows, size_t n, struct key_table **ret)
{
    return key_table_change(NULL, rows, n, ret);
}

void key_table_free(struct key_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < SHARDS; i++)
        key_shard_unref(t->shards[i]);
    free(t);
}

/* --- reading --- */

size_t key_table_len(const struct key_table *t)
{
    return t->len;
}

const struct principal *key_table_find(const struct key_table *t,
                                       const unsigned char hash[KEY_HASH_LEN])
{
    const struct key_shard *s = t->shards[shard_of(hash)];

    return s ? key_shard_find(s, hash) : NULL;
}

const struct principal *key_table_next(const struct key_table *t, struct key_place *at,
                                       const unsigned char **ret_hash)
{
    while (at->shard < SHARDS && at->entry >= shard_len(t->shards[at->shard])) {
        at->shard++;
        at->entry = 0;
    }
    if (at->shard == SHARDS)
        return NULL;
    const struct key_entry *e = &t->shards[at->shard]->entries[at->entry++];
    *ret_hash = e->hash;
    return &e->principal;
}
