/* key_shard.h: some hundreds of keys in one piece of memory: immutable, counted by its holders.
 *
 * A shard is never changed: key_shard_change makes another from it. Equal texts (a user's name, a
 * list of models) stand in it once. Private to the services. */

#pragma once

#include "model/principal.h"
#include "model/rows.h"

#include <stdatomic.h>

/* With a million keys a shard has some 240: 40 KB that a change copies. */
enum { KEY_SHARD_BITS = 12, KEY_SHARDS = 1 << KEY_SHARD_BITS };
static inline size_t key_shard_of(const unsigned char hash[KEY_HASH_LEN])
{
    return ((size_t)hash[0] << 8 | hash[1]) >> (16 - KEY_SHARD_BITS);
}

struct key_entry {
    unsigned char hash[KEY_HASH_LEN];
    struct principal principal;
};

struct key_shard {
    atomic_size_t refs;
    uint32_t len, mask; /* of entries; of places, a power of two less one */
    const struct key_entry *entries;
    const uint32_t *places; /* by the hash: an entry's number from 1; 0: free */
};

struct key_shard_maker; /* memory that making one shard after another shares; one thread */

struct key_shard_maker *key_shard_maker_new(void);
void key_shard_maker_free(struct key_shard_maker *m);

/* old (NULL: none) but for the n rows: one takes the place of the entry with its hash, one that is
 * revoked just ends it. *ret has one holder; NULL when no key is left. -ENOMEM. */
int key_shard_change(struct key_shard_maker *m, const struct key_shard *old,
                     const struct key_row *rows, size_t n, struct key_shard **ret);
/* One more holder, one less; NULL is harmless. Any thread. */
void key_shard_ref(struct key_shard *s);
void key_shard_unref(struct key_shard *s);
/* NULL: not there. */
const struct principal *key_shard_find(const struct key_shard *s,
                                       const unsigned char hash[KEY_HASH_LEN]);
/* Whether the rows say just what stands in the shard (NULL: nothing). */
bool key_shard_holds(const struct key_shard *s, const struct key_row *rows, size_t n);
