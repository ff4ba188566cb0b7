/* key_service.h: whose key is this? Answered from the snapshot's table of keys: no I/O, no wait.
 *
 * Keys are sk-cr- and 43 characters of base64url (32 random bytes). Only a keyed hash is stored
 * and compared. */

#pragma once

#include "model/principal.h"
#include "service/key_table.h"
#include "base/secret.h"

struct snapshot;
struct key_service; /* one for each worker: owns the hash context */

/* The key of the keyed hash, from the installation's secret_key. -EIO. */
int key_service_derive(struct secret secret_key, unsigned char ret[KEY_HASH_LEN]);

/* hash_key: that keys are hashed under; copied. Empty: the one that each snapshot brings. NULL: out
 * of memory. */
struct key_service *key_service_new(struct secret hash_key);
void key_service_free(struct key_service *s);
/* OK: *ret lives as long as the snapshot is held. -ENOENT: unknown, revoked or expired. */
int key_service_find(struct key_service *s, const struct snapshot *snapshot, struct slice token,
                     uint64_t now_wall_us, const struct principal **ret);
