/* remote_places.c: see remote_places.h. */

#include "service/remote_places.h"

#include <errno.h>
#include <stdlib.h>

struct held_key {
    struct list node;  /* in places.keys */
    struct list takes; /* struct limiter_take; never empty */
    int64_t key_id;
};

void remote_places_init(struct remote_places *places)
{
    for (size_t i = 0; i < REMOTE_PLACES; i++)
        list_init(&places->keys[i]);
}

void remote_places_free(struct remote_places *places)
{
    for (size_t i = 0; i < REMOTE_PLACES; i++)
        list_for_each_safe(it, &places->keys[i]) free(list_entry(it, struct held_key, node));
}

static struct held_key *find(struct list *bucket, int64_t key_id)
{
    list_for_each(it, bucket)
    {
        struct held_key *k = list_entry(it, struct held_key, node);
        if (k->key_id == key_id)
            return k;
    }
    return NULL;
}

static struct list *bucket_of(struct remote_places *places, int64_t key_id)
{
    return &places->keys[(uint64_t)key_id % REMOTE_PLACES];
}

int remote_places_add(struct remote_places *places, struct limiter_take *t)
{
    struct list *bucket = bucket_of(places, t->key_id);
    struct held_key *k = find(bucket, t->key_id);

    list_init(&t->node);
    if (!k) {
        k = malloc(sizeof(*k));
        if (!k)
            return -ENOMEM;
        k->key_id = t->key_id;
        list_init(&k->takes);
        list_add(bucket, &k->node);
    }
    list_add_tail(&k->takes, &t->node);
    return OK;
}

void remote_places_remove(struct remote_places *places, struct limiter_take *t)
{
    struct held_key *k = find(bucket_of(places, t->key_id), t->key_id);

    if (!t->node.next || list_is_empty(&t->node))
        return;
    list_remove(&t->node);
    if (list_is_empty(&k->takes)) {
        list_remove(&k->node);
        free(k);
    }
}

static void renew_key(const struct held_key *k, struct limit_renewal *r,
                      void (*renew)(void *owner, const struct limit_renewal *r), void *owner)
{
    r->key_id = k->key_id;
    r->len = 0;
    list_for_each(it, &k->takes)
    {
        r->leases[r->len++] = list_entry(it, struct limiter_take, node)->place;
        if (r->len == LIMIT_RENEW_MOST || it->next == &k->takes) {
            renew(owner, r);
            r->len = 0;
        }
    }
}

void remote_places_each(struct remote_places *places, struct limit_renewal *r,
                        void (*renew)(void *owner, const struct limit_renewal *r), void *owner)
{
    for (size_t i = 0; i < REMOTE_PLACES; i++)
        list_for_each(it, &places->keys[i])
            renew_key(list_entry(it, struct held_key, node), r, renew, owner);
}
