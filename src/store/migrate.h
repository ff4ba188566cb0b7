/* migrate.h: brings the database's schema to what this binary needs.
 *
 * Migrations are the files sql/<driver>/NNNN_name.sql, carried in the binary, applied in order,
 * each in a transaction of its own together with its row in schema_migrations. Two processes may
 * migrate at the same time: the second finds the work done. */

#pragma once

#include "store/db.h"

struct migration {
    const char *name; /* "0001_base.sql" */
    const char *sql;
};

/* Hears each migration that was applied; may be NULL. */
struct migration_listener {
    void (*applied)(struct migration_listener *l, const char *name);
};

/* The driver's own. The connection's patience is then the usual one. -ENOTSUP: the database was
 * migrated by a newer courier. ret_why tells. */
int migrate(struct db *db, struct migration_listener *listener, char ret_why[DB_WHY]);
/* The number of the last migration that was applied; 0: none was. */
int migrate_version(struct db *db, uint64_t *ret);
/* The same with a list, in order, numbered without gaps from 1. */
int migrate_list(struct db *db, const struct migration *list, size_t n,
                 struct migration_listener *listener, char ret_why[DB_WHY]);
