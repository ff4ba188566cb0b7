/* key_gathering.h: rows of keys on their way into a table, packed, by the shard that they belong
 * to.
 *
 * Rows come in any order, a shard is made once, from all of its rows: so a million of them stand
 * here first, in less than half of the memory of the table, and each page is given back when it was
 * read. Private to the services. */

#pragma once

#include "base/arena.h"
#include "model/rows.h"

struct key_gathering;

struct key_gathering *key_gathering_new(void);
void key_gathering_free(struct key_gathering *g);
/* Copies what tables are made from. -ENOMEM; -EBADMSG, -EMSGSIZE: a text of it is beyond reason. */
int key_gathering_add(struct key_gathering *g, const struct key_row *row);
size_t key_gathering_len(const struct key_gathering *g);
/* The rows of a shard in the order in which they were added, in the arena. They are gone then. */
int key_gathering_take(struct key_gathering *g, size_t shard, struct arena *a, struct key_row **ret,
                       size_t *ret_len);
