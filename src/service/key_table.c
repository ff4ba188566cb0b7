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

/* One making of a table. */
struct making {
    struct key_table *table; /* begins as the old one */
    struct key_gathering *gathering;
    struct key_shard_maker *maker;
    bool whole; /* the rows are all that there are */
};

static int make_shard(struct making *m, size_t i, const struct key_row *rows, size_t n)
{
    struct key_shard *old = m->table->shards[i], *made;

    if (m->whole ? key_shard_holds(old, rows, n) : n == 0)
        return OK;
    int rc = key_shard_change(m->maker, m->whole ? NULL : old, rows, n, &made);
    if (rc < 0)
        return rc;
    m->table->shards[i] = made;
    m->table->len += shard_len(made);
    m->table->len -= shard_len(old);
    key_shard_unref(old);
    return OK;
}

static int take_shard(struct making *m, size_t i)
{
    struct key_row *rows;
    struct arena arena;
    size_t n;

    arena_init(&arena, 0);
    int rc = key_gathering_take(m->gathering, i, &arena, &rows, &n);
    if (rc == OK)
        rc = make_shard(m, i, rows, n);
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

static int make_table(const struct key_table *old, struct key_gathering *g, bool whole,
                      struct key_table **ret)
{
    struct making m = {share(old), g, key_shard_maker_new(), whole};
    int rc = m.maker && m.table ? OK : -ENOMEM;

    for (size_t i = 0; rc == OK && i < KEY_SHARDS; i++)
        rc = take_shard(&m, i);
    key_shard_maker_free(m.maker);
    if (rc < 0) {
        key_table_free(m.table);
        m.table = NULL;
    }
    *ret = m.table;
    return rc;
}

int key_table_change(const struct key_table *old, struct key_gathering *g, struct key_table **ret)
{
    return make_table(old, g, false, ret);
}

int key_table_replace(const struct key_table *old, struct key_gathering *g, struct key_table **ret)
{
    return make_table(old, g, true, ret);
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
