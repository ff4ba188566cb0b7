/* key_table.c: see key_table.h. */

#include "service/key_table.h"

#include "service/key_gathering.h"
#include "service/key_shard.h"

#include <errno.h>
#include <stdlib.h>

struct key_table {
    size_t len;
    struct key_shard *shards[KEY_SHARDS]; /* NULL: empty */
};

static size_t shard_len(const struct key_shard *s)
{
    return s ? s->len : 0;
}

/* --- changing --- */

static int change_shard(struct key_table *t, struct key_gathering *g, size_t i,
                        struct key_shard_maker *maker)
{
    struct key_shard *old = t->shards[i], *changed = NULL;
    struct key_row *rows;
    struct arena arena;
    size_t n;

    arena_init(&arena, 0);
    int rc = key_gathering_take(g, i, &arena, &rows, &n);
    if (rc == OK && n > 0)
        rc = key_shard_change(maker, old, rows, n, &changed);
    if (rc == OK && n > 0) {
        t->shards[i] = changed;
        t->len += shard_len(changed);
        t->len -= shard_len(old);
        key_shard_unref(old);
    }
    arena_clear(&arena);
    return rc;
}

static struct key_table *share(const struct key_table *old)
{
    struct key_table *t = calloc(1, sizeof(*t));

    if (!t || !old)
        return t;
    *t = *old;
    for (size_t i = 0; i < KEY_SHARDS; i++)
        key_shard_ref(t->shards[i]);
    return t;
}

int key_table_change(const struct key_table *old, struct key_gathering *g, struct key_table **ret)
{
    struct key_shard_maker *maker = key_shard_maker_new();
    struct key_table *t = share(old);
    int rc = maker && t ? OK : -ENOMEM;

    for (size_t i = 0; rc == OK && i < KEY_SHARDS; i++)
        rc = change_shard(t, g, i, maker);
    key_shard_maker_free(maker);
    if (rc < 0) {
        key_table_free(t);
        t = NULL;
    }
    *ret = t;
    return rc;
}

int key_table_new(const struct key_row *rows, size_t n, struct key_table **ret)
{
    struct key_gathering *g = key_gathering_new();
    int rc = g ? OK : -ENOMEM;

    *ret = NULL;
    for (size_t i = 0; rc == OK && i < n; i++)
        rc = key_gathering_add(g, &rows[i]);
    if (rc == OK)
        rc = key_table_change(NULL, g, ret);
    key_gathering_free(g);
    return rc;
}

void key_table_free(struct key_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < KEY_SHARDS; i++)
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
    const struct key_shard *s = t->shards[key_shard_of(hash)];

    return s ? key_shard_find(s, hash) : NULL;
}

const struct principal *key_table_next(const struct key_table *t, struct key_place *at,
                                       const unsigned char **ret_hash)
{
    while (at->shard < KEY_SHARDS && at->entry >= shard_len(t->shards[at->shard])) {
        at->shard++;
        at->entry = 0;
    }
    if (at->shard == KEY_SHARDS)
        return NULL;
    const struct key_entry *e = &t->shards[at->shard]->entries[at->entry++];
    *ret_hash = e->hash;
    return &e->principal;
}
