/* driver.h: what a database driver does; private to store/.
 *
 * A driver embeds struct db first in its connection and struct db_statement first in its statement.
 * It keeps the connection's error text true with db_set_error. */

#pragma once

#include "store/db.h"

#include <stdatomic.h>

struct db {
    const struct db_driver *driver;
    char error[DB_WHY];
    unsigned patience_ms;
    atomic_bool interrupted;
    int64_t seen; /* by db_wait_change: the number as it was last; -1: not yet */
};

struct db_statement {
    struct db *db;
};

enum db_transaction {
    DB_BEGIN,
    DB_BEGIN_APPEND,
    DB_BEGIN_STILL,
    DB_BEGIN_READ,
    DB_COMMIT,
    DB_ROLLBACK
};

struct db_driver {
    const char *name;  /* the URL's scheme */
    const char *alias; /* another scheme of its; may be NULL */
    int (*open)(struct slice url, char ret_why[DB_WHY], struct db **ret);
    void (*close)(struct db *db);
    void (*set_patience)(struct db *db, unsigned ms);
    int (*exec)(struct db *db, const char *sql);
    int (*transact)(struct db *db, enum db_transaction what);
    uint64_t (*changes)(const struct db *db);
    int (*prepare)(struct db *db, const char *sql, struct db_statement **ret);
    void (*bind_i64)(struct db_statement *s, unsigned n, int64_t value);
    void (*bind_text)(struct db_statement *s, unsigned n, struct slice text);
    void (*bind_bytes)(struct db_statement *s, unsigned n, struct slice bytes);
    void (*bind_null)(struct db_statement *s, unsigned n);
    int (*step)(struct db_statement *s);
    void (*reset)(struct db_statement *s);
    int64_t (*column_i64)(struct db_statement *s, unsigned i);
    struct slice (*column_text)(struct db_statement *s, unsigned i);
    struct slice (*column_bytes)(struct db_statement *s, unsigned i);
    const char *find_table; /* SQL: a row with a number above 0 when the table named $1 is there */
    /* Those that a driver need not have are NULL. */
    void (*interrupt)(struct db *db);      /* any thread; beside setting db.interrupted */
    int (*lead)(struct db *db, bool *ret); /* without it every connection leads */
    int (*listen)(struct db *db, const char *channel, int wake_fd, uint64_t ms);
    int (*copy_begin)(struct db *db, const char *sql);
    void (*copy_text)(struct db *db, struct slice text);
    void (*copy_null)(struct db *db);
    void (*copy_row)(struct db *db);
    int (*copy_end)(struct db *db, int rc);
};

extern const struct db_driver db_driver_sqlite;
extern const struct db_driver db_driver_postgres;

/* text may be NULL. */
void db_set_error(struct db *db, const char *text);
