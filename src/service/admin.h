/* admin.h: what the administrative services share; private to them (see key_admin.h). */

#pragma once

#include "service/installation_keys.h"
#include "service/key_admin.h"

struct db;
struct hmac;

struct admin {
    char *store;       /* the setting; NULL: db was opened for good */
    struct db *db;     /* NULL: not connected */
    uint64_t changed;  /* the catalog's version after the last change; 0: none, or told */
    struct hmac *hmac; /* of users' keys; NULL until the store said under which */
    struct installation_keys keys;
};

/* One that connects when it must, to a store that was migrated before: for the desk. */
int admin_new(const struct admin_options *options, struct admin **ret);
/* Connects unless it is connected. -errno of repository_open; -EKEYREJECTED: the secret key has
 * been rotated, this process has the old one. */
int admin_connect(struct admin *a);
void admin_disconnect(struct admin *a);
/* Begins a transaction that may seal: -EKEYREJECTED as above; else as repository_begin. */
int admin_begin(struct admin *a) MUST_USE;

/* Makes a key: its token, its prefix (in the arena) and its hash. */
int key_admin_give_token(struct admin *a, struct arena *arena, struct key_row *row);
/* *ret: the model's targets with their keys sealed; in the arena. */
int registry_admin_seal_targets(struct admin *a, const struct model_row *m, struct arena *arena,
                                const struct target_row **ret);
