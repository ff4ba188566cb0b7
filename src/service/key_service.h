/* key_service.h: whose key is this? Answered from the snapshot: no I/O, no wait.
 *
 * Keys are sk-cr- and 43 characters of base64url (32 random bytes). Only a keyed hash is stored
 * and compared; the table is built by the snapshot keeper and immutable. */

#pragma once

#include "model/principal.h"
#include "model/rows.h"
#include "base/secret.h"

struct snapshot;
struct key_table;
struct key_service; /* one for each worker: owns the hash context */

/* rows are borrowed during the call only. -ENOMEM. */
int key_table_new(const struct key_row *rows, size_t n, struct key_table **ret);
void key_table_free(struct key_table *t);
size_t key_table_len(const struct key_table *t);

/* The key of the keyed hash, from the installation's secret_key. -EIO. */
enum { KEY_HASH_LEN = 32 };
int key_service_derive(struct secret secret_key, unsigned char ret[KEY_HASH_LEN]);

/* hash_key: from key_service_derive; copied. NULL: out of memory. */
struct key_service *key_service_new(struct secret hash_key);
void key_service_free(struct key_service *s);
/* OK: *ret lives as long as the snapshot is held. -ENOENT: unknown, revoked or expired. */
int key_service_find(struct key_service *s, const struct snapshot *snapshot, struct slice token,
                     uint64_t now_wall_us, const struct principal **ret);
