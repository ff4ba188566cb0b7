/* key_shard.h: some hundreds of keys in one piece of memory: immutable, counted by its holders.
 *
 * A shard is never changed: key_shard_change makes another from it. Equal texts (a user's name, a
 * list of models) stand in it once. Private to the services. */

#pragma once

#include "model/principal.h"
#include "model/rows.h"

#include <stdatomic.h>

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

/* Some of an array of rows: the first, and for each the one behind it; KEY_ROWS_END ends. */
enum { KEY_ROWS_END = UINT32_MAX };
struct key_rows {
    const struct key_row *rows;
    const uint32_t *next;
    uint32_t first;
};

/* old (NULL: none) but for the rows: one takes the place of the entry with its hash, one that is
 * revoked just ends it. *ret has one holder; NULL when no key is left. -ENOMEM. */
int key_shard_change(struct key_shard_maker *m, const struct key_shard *old, struct key_rows rows,
                     struct key_shard **ret);
/* One more holder, one less; NULL is harmless. Any thread. */
void key_shard_ref(struct key_shard *s);
void key_shard_unref(struct key_shard *s);
/* NULL: not there. */
const struct principal *key_shard_find(const struct key_shard *s,
                                       const unsigned char hash[KEY_HASH_LEN]);
