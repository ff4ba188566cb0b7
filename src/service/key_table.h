/* key_table.h: every key that counts, by its keyed hash: immutable, and cheap to change.
 *
 * The keys lie in some thousands of shards by their hash. A changed table shares all shards with
 * the one it was made from but those of the changed keys. */

#pragma once

#include "model/principal.h"
#include "model/rows.h"

struct key_table;
struct key_gathering;

/* old (NULL: none) but for the rows, which are taken out of g: each takes the place of the key with
 * its hash, or ends it when it is revoked. old stays as it is. -ENOMEM. */
int key_table_change(const struct key_table *old, struct key_gathering *g, struct key_table **ret);
/* The rows are all keys that there are. Shards in which old (NULL: none) says the same are shared,
 * so that loading what is known takes little memory. */
int key_table_replace(const struct key_table *old, struct key_gathering *g, struct key_table **ret);
/* From rows in memory. */
int key_table_new(const struct key_row *rows, size_t n, struct key_table **ret);
void key_table_free(struct key_table *t);
size_t key_table_len(const struct key_table *t);
/* Lives as long as the table. NULL: unknown or revoked. */
const struct principal *key_table_find(const struct key_table *t,
                                       const unsigned char hash[KEY_HASH_LEN]);

/* Goes through all keys, in no order: *at begins as {0}. NULL: that was the last. */
struct key_place {
    size_t shard, entry;
};
const struct principal *key_table_next(const struct key_table *t, struct key_place *at,
                                       const unsigned char **ret_hash);
