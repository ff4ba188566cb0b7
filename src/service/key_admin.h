/* key_admin.h: users and keys, made, listed and revoked. Blocking: for the shell and the yard. */

#pragma once

#include "base/arena.h"
#include "model/rows.h"

struct admin; /* an open store with the hash key */

struct admin_options {
    struct slice store;
    struct secret secret_key;
};

/* Opens the store and applies pending migrations. -EKEYREJECTED: what is in it was made under
 * another secret key. */
int admin_open(const struct admin_options *options, struct admin **ret);
void admin_close(struct admin *a);

struct key_wish {
    struct slice user, name;        /* the user is made when there is none of that name */
    uint64_t rpm, tpm, concurrency; /* 0: no limit */
    struct slice models;            /* comma-separated; empty: all */
    uint64_t expires_wall_us;       /* 0: never */
    bool admin;
};

/* Makes a key. *ret_key (in the arena) is the key itself, told once and stored nowhere. */
int key_admin_create(struct admin *a, const struct key_wish *wish, struct arena *arena,
                     struct key_row *ret, struct secret *ret_key);
/* All keys, oldest first. */
int key_admin_list(struct admin *a, struct arena *arena, struct key_row **ret, size_t *ret_len);
/* -ENOENT. Revoking twice is OK. */
int key_admin_revoke(struct admin *a, int64_t id);
/* Whether some admin key is good. */
int key_admin_has_admin(struct admin *a, bool *ret);
/* Makes the configured admin key (user "admin") the one that the file's key row holds; creates
 * or replaces it. With an empty key the one that the row holds stays good, as one like any other.
 * It is logged when the key is of a user who is disabled or deleted: it is refused then. */
int key_admin_configure(struct admin *a, struct secret key);
/* The first admin key (user "admin", or "admin 2" where that one is disabled) of an installation.
 * -EEXIST: some admin key is there that is neither revoked nor expired. One of several processes
 * that start at the same time makes it. */
int key_admin_create_first(struct admin *a, struct arena *arena, struct secret *ret_key);
