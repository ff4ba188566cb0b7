/* postgres.h: a database of a test's own on the server that ctest started (tests/support/
 * postgres.py), whose URL stands in the file that COURIER_POSTGRES names. By hand:
 *   tests/support/postgres.py start /tmp/pg; COURIER_POSTGRES=/tmp/pg build/tests/unit_store_… */

#pragma once

#include "store/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { POSTGRES_URL = 256 };

/* The server's URL for a superuser, of another database. */
static inline void postgres_url(const char *database, char ret[POSTGRES_URL])
{
    const char *path = getenv("COURIER_POSTGRES");
    FILE *file = path ? fopen(path, "r") : NULL;

    if (!file || !fgets(ret, POSTGRES_URL, file)) {
        fprintf(stderr, "no PostgreSQL server: see tests/support/postgres.h\n");
        abort();
    }
    fclose(file);
    char *slash = strrchr(ret, '/');
    snprintf(slash + 1, (size_t)(POSTGRES_URL - (slash + 1 - ret)), "%s", database);
}

/* Runs one statement as the superuser; database NULL: any. */
static inline void postgres_do(const char *database, const char *sql)
{
    char url[POSTGRES_URL], why[DB_WHY];
    struct db *db;

    postgres_url(database ? database : "postgres", url);
    if (db_open(slice_str(url), why, &db) < 0) {
        fprintf(stderr, "%s\n", why);
        abort();
    }
    db_set_patience(db, 60000);
    if (db_exec(db, sql) < 0) {
        fprintf(stderr, "%s: %s\n", sql, db_error(db));
        abort();
    }
    db_close(db);
}

/* Makes an empty database; ret_url is its URL. */
static inline void postgres_make(char ret_url[POSTGRES_URL])
{
    static unsigned made;
    char name[40], sql[80];

    snprintf(name, sizeof(name), "unit_%d_%u", (int)getpid(), ++made);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s", name);
    postgres_do(NULL, sql);
    postgres_url(name, ret_url);
}

static inline void postgres_drop(const char *url)
{
    char sql[POSTGRES_URL];

    snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)", strrchr(url, '/') + 1);
    postgres_do(NULL, sql);
}
