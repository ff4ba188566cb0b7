/* key_service.c: the table of keys, and the lookup of a token.
 *
 * The table is open addressing by the first bytes of the keyed hash, which are as good as random.
 * What is compared is never the key itself but its HMAC, so the place of a probe tells an attacker
 * nothing that he could steer; the last comparison is constant-time all the same. */

#include "service/key_service.h"

#include "base/arena.h"
#include "io/crypto.h"
#include "service/snapshot.h"

#include <errno.h>
#include <stdlib.h>

/* More than any key that courier makes or an operator would choose; bounds the work of a hash. */
enum { TOKEN_MAX = 1024 };

struct key_entry {
    unsigned char hash[SHA256_LEN];
    const struct principal *principal; /* NULL: free */
};

struct key_table {
    struct arena arena;
    struct key_entry *entries;
    size_t cap; /* a power of two, at least twice len */
    size_t len;
};

struct key_service {
    struct hmac *hmac;
};

static size_t first_place(const struct key_table *t, const unsigned char hash[SHA256_LEN])
{
    uint64_t head;

    memcpy(&head, hash, sizeof(head));
    return (size_t)head & (t->cap - 1);
}

/* --- building --- */

static int read_models(struct arena *a, struct slice list, struct principal *p)
{
    size_t most = 1;

    if (slice_is_empty(list))
        return OK;
    for (size_t i = 0; i < list.len; i++)
        most += list.at[i] == ',';
    list = arena_copy(a, list);
    struct slice *names = arena_new_array(a, struct slice, most);
    if (!list.at || !names)
        return -ENOMEM;
    while (list.len) {
        struct slice name = slice_trim(slice_cut(&list, ','));
        if (!slice_is_empty(name))
            names[p->models_len++] = name;
    }
    p->models = names;
    /* a list of nothing but commas allows nothing: the empty name that stands there is no model's
     */
    p->models_len = MAX(p->models_len, 1u);
    return OK;
}

static struct principal *make_principal(struct arena *a, const struct key_row *row)
{
    struct principal *p = arena_new(a, struct principal);

    if (!p)
        return NULL;
    *p = (struct principal){.key_id = row->id,
                            .user_id = row->user_id,
                            .key_name = arena_copy(a, row->name),
                            .user_name = arena_copy(a, row->user_name),
                            .admin = row->admin,
                            .rpm = row->rpm,
                            .tpm = row->tpm,
                            .concurrency = row->concurrency,
                            .expires_wall_us = row->expires_wall_us};
    if (!p->key_name.at || !p->user_name.at || read_models(a, row->models, p) < 0)
        return NULL;
    return p;
}

static int table_add(struct key_table *t, const struct key_row *row)
{
    const struct principal *p = make_principal(&t->arena, row);
    size_t i = first_place(t, row->hash);

    if (!p)
        return -ENOMEM;
    while (t->entries[i].principal)
        i = (i + 1) & (t->cap - 1);
    memcpy(t->entries[i].hash, row->hash, SHA256_LEN);
    t->entries[i].principal = p;
    t->len++;
    return OK;
}

int key_table_new(const struct key_row *rows, size_t n, struct key_table **ret)
{
    struct key_table *t = calloc(1, sizeof(*t));
    int rc = t ? OK : -ENOMEM;

    *ret = NULL;
    if (!t)
        return rc;
    arena_init(&t->arena, 0);
    for (t->cap = 16; t->cap < 2 * n;)
        t->cap *= 2;
    t->entries = calloc(t->cap, sizeof(*t->entries));
    if (!t->entries)
        rc = -ENOMEM;
    for (size_t i = 0; rc == OK && i < n; i++) {
        if (!rows[i].revoked)
            rc = table_add(t, &rows[i]);
    }
    if (rc < 0) {
        key_table_free(t);
        return rc;
    }
    *ret = t;
    return OK;
}

void key_table_free(struct key_table *t)
{
    if (!t)
        return;
    arena_clear(&t->arena);
    free(t->entries);
    free(t);
}

size_t key_table_len(const struct key_table *t)
{
    return t->len;
}

/* --- looking up --- */

struct key_service *key_service_new(struct secret hash_key)
{
    struct key_service *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->hmac = hmac_new(hash_key);
    if (!s->hmac) {
        free(s);
        return NULL;
    }
    return s;
}

void key_service_free(struct key_service *s)
{
    if (!s)
        return;
    hmac_free(s->hmac);
    free(s);
}

static const struct principal *table_find(const struct key_table *t,
                                          const unsigned char hash[SHA256_LEN])
{
    struct slice wanted = slice_of((const char *)hash, SHA256_LEN);

    for (size_t i = first_place(t, hash); t->entries[i].principal; i = (i + 1) & (t->cap - 1)) {
        const struct key_entry *e = &t->entries[i];
        if (slice_eq_secret(slice_of((const char *)e->hash, SHA256_LEN), wanted))
            return e->principal;
    }
    return NULL;
}

int key_service_find(struct key_service *s, const struct snapshot *snapshot, struct slice token,
                     uint64_t now_wall_us, const struct principal **ret)
{
    unsigned char hash[SHA256_LEN];

    *ret = NULL;
    if (slice_is_empty(token) || token.len > TOKEN_MAX)
        return -ENOENT;
    int rc = hmac_sign(s->hmac, token, hash);
    if (rc < 0)
        return rc;
    const struct principal *p = table_find(snapshot->keys, hash);
    if (!p || (p->expires_wall_us && p->expires_wall_us <= now_wall_us))
        return -ENOENT;
    *ret = p;
    return OK;
}

int key_service_derive(struct secret secret_key, unsigned char ret[KEY_HASH_LEN])
{
    return crypto_derive(secret_key, SLICE("courier key hash"), ret);
}
