/* installation_keys.h: what an installation's secret_key is good for. Blocking where a store is
 * given; private to the services.
 *
 * The key that users' keys are hashed under comes from the first secret_key an installation had,
 * and stays: else every key would become unknown. A rotation keeps it in the store, sealed under
 * the new secret_key; all else that secret_key seals is sealed anew. */

#pragma once

#include "base/arena.h"
#include "model/rows.h"
#include "service/seal.h"

struct db;

enum { FINGERPRINT_TEXT = 64 };

struct installation_keys {
    struct seal seal;                     /* of providers' keys */
    unsigned char hash_key[KEY_HASH_LEN]; /* of users' keys */
    unsigned char derived[KEY_HASH_LEN];  /* hash_key where nothing was ever rotated */
    unsigned char wrap[SEAL_KEY_LEN];     /* seals hash_key when it comes from an older secret */
    char fingerprint[FINGERPRINT_TEXT];   /* tells secrets apart, and nothing of them */
};

/* As they are before any rotation. -EINVAL: the secret is empty. -EIO. */
int installation_keys_derive(struct secret secret_key, struct installation_keys *ret);
void installation_keys_wipe(struct installation_keys *k);
/* Compares with the store, and takes what is kept there. A store that knows none yet agrees.
 * -EKEYREJECTED: it was made, or sealed anew, under another secret_key. */
int installation_keys_read(struct installation_keys *k, struct db *db);
/* The same, and a store that knows none yet is told: outside of a transaction. */
int installation_keys_agree(struct installation_keys *k, struct db *db);
/* Makes `to` the keys of the store: from keeps the hash key. Within a transaction. */
int installation_keys_replace(const struct installation_keys *from, struct installation_keys *to,
                              struct db *db);
