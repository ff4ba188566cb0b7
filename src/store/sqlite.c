/* sqlite.c: the driver for SQLite.
 *
 * WAL, so that readers never wait for the ledger; synchronous=FULL: what is committed survives a
 * power cut, a key's revocation as well as a usage row, over which its journal is advanced. Pages
 * of 16 KiB hold 75 usage rows: inserts are a quarter cheaper than with 4 KiB, because each page
 * costs two writes to the log. The log is folded back at 8 MiB. A connection has one thread, so the
 * library's mutexes and memory statistics are off. */

#include "store/driver.h"

#include "store/sqlite_file.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { PARAMETERS_MAX = 64 };

struct sqlite_statement {
    struct db_statement base;
    struct sqlite_statement *next; /* of the connection's cache */
    const char *sql;
    sqlite3_stmt *handle;
    int bind_rc;                              /* the first bind that failed */
    unsigned char places[PARAMETERS_MAX + 1]; /* $n → SQLite's own index; 0: not in the text */
};

struct sqlite_db {
    struct db base;
    sqlite3 *handle;
    struct sqlite_statement *statements;
    sqlite3_stmt *transacts[DB_ROLLBACK + 1];
};

static int errno_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
        return OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_CONSTRAINT:
        return -EEXIST;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EACCES;
    case SQLITE_INTERRUPT:
        return -ECANCELED;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EBADMSG;
    case SQLITE_IOERR:
        return -EIO;
    default:
        return -EINVAL;
    }
}

static struct sqlite_db *sqlite_of(struct db *db)
{
    return container_of(db, struct sqlite_db, base);
}

static struct sqlite_statement *statement_of(struct db_statement *s)
{
    return container_of(s, struct sqlite_statement, base);
}

static int sqlite_check(struct sqlite_db *db, int code)
{
    if (code == SQLITE_OK || code == SQLITE_DONE)
        return OK;
    db_set_error(&db->base, sqlite3_errmsg(db->handle));
    return errno_of(code);
}

static int sqlite_exec(struct db *base, const char *sql)
{
    struct sqlite_db *db = sqlite_of(base);

    return sqlite_check(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

static void sqlite_set_patience(struct db *base, unsigned ms)
{
    sqlite3_busy_timeout(sqlite_of(base)->handle, (int)MIN(ms, (unsigned)INT_MAX));
}

static void sqlite_interrupt(struct db *base)
{
    sqlite3_interrupt(sqlite_of(base)->handle);
}

static uint64_t sqlite_changes(const struct db *base)
{
    return (uint64_t)sqlite3_changes64(container_of(base, const struct sqlite_db, base)->handle);
}

static int sqlite_transact(struct db *base, enum db_transaction what)
{
    static const char *const words[] = {"BEGIN IMMEDIATE", "BEGIN IMMEDIATE", "BEGIN IMMEDIATE",
                                        "BEGIN",           "COMMIT",          "ROLLBACK"};
    struct sqlite_db *db = sqlite_of(base);
    sqlite3_stmt **handle = &db->transacts[what];
    int code = SQLITE_OK;

    if (!*handle)
        code = sqlite3_prepare_v3(db->handle, words[what], -1, SQLITE_PREPARE_PERSISTENT, handle,
                                  NULL);
    if (code != SQLITE_OK)
        return sqlite_check(db, code);
    int rc = sqlite_check(db, sqlite3_step(*handle));
    sqlite3_reset(*handle);
    return rc;
}

/* --- statements --- */

/* SQLite numbers $3 by where it first stands in the text; ours is the number in its name */
static int read_places(struct sqlite_statement *s)
{
    int count = sqlite3_bind_parameter_count(s->handle);

    for (int i = 1; i <= count; i++) {
        const char *name = sqlite3_bind_parameter_name(s->handle, i);
        uint64_t n;
        if (!name || name[0] != '$' || slice_to_u64(slice_str(name + 1), &n) < 0 || n == 0 ||
            n > PARAMETERS_MAX || i > PARAMETERS_MAX) {
            db_set_error(s->base.db, "placeholders are $1 … $64");
            return -EINVAL;
        }
        s->places[n] = (unsigned char)i;
    }
    return OK;
}

static int compile(struct sqlite_db *db, const char *sql, struct sqlite_statement **ret)
{
    struct sqlite_statement *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->base.db = &db->base;
    s->sql = sql;
    int rc = sqlite_check(
        db, sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->handle, NULL));
    if (rc == OK)
        rc = read_places(s);
    if (rc < 0) {
        sqlite3_finalize(s->handle);
        free(s);
        return rc;
    }
    s->next = db->statements;
    db->statements = s;
    *ret = s;
    return OK;
}

static int sqlite_prepare(struct db *base, const char *sql, struct db_statement **ret)
{
    struct sqlite_db *db = sqlite_of(base);
    struct sqlite_statement *s = db->statements;

    while (s && s->sql != sql)
        s = s->next;
    if (!s) {
        int rc = compile(db, sql, &s);
        if (rc < 0)
            return rc;
    }
    sqlite3_reset(s->handle);
    s->bind_rc = SQLITE_OK;
    *ret = &s->base;
    return OK;
}

static int place_of(struct sqlite_statement *s, unsigned n)
{
    return n <= PARAMETERS_MAX ? s->places[n] : 0;
}

static void keep_bind(struct sqlite_statement *s, int code)
{
    if (UNLIKELY(code != SQLITE_OK && s->bind_rc == SQLITE_OK))
        s->bind_rc = code;
}

static void sqlite_bind_i64(struct db_statement *base, unsigned n, int64_t value)
{
    struct sqlite_statement *s = statement_of(base);

    keep_bind(s, sqlite3_bind_int64(s->handle, place_of(s, n), value));
}

static void sqlite_bind_text(struct db_statement *base, unsigned n, struct slice text)
{
    struct sqlite_statement *s = statement_of(base);

    keep_bind(s, sqlite3_bind_text64(s->handle, place_of(s, n), text.at ? text.at : "", text.len,
                                     SQLITE_STATIC, SQLITE_UTF8));
}

static void sqlite_bind_bytes(struct db_statement *base, unsigned n, struct slice bytes)
{
    struct sqlite_statement *s = statement_of(base);

    keep_bind(s, sqlite3_bind_blob64(s->handle, place_of(s, n), bytes.at ? bytes.at : "", bytes.len,
                                     SQLITE_STATIC));
}

static void sqlite_bind_null(struct db_statement *base, unsigned n)
{
    struct sqlite_statement *s = statement_of(base);

    keep_bind(s, sqlite3_bind_null(s->handle, place_of(s, n)));
}

static int sqlite_step(struct db_statement *base)
{
    struct sqlite_statement *s = statement_of(base);
    int code = s->bind_rc != SQLITE_OK ? s->bind_rc : sqlite3_step(s->handle);

    if (code == SQLITE_ROW)
        return DB_ROW;
    int rc = sqlite_check(sqlite_of(base->db), code);
    sqlite3_reset(s->handle);
    return rc;
}

static void sqlite_reset(struct db_statement *base)
{
    sqlite3_reset(statement_of(base)->handle);
}

static int64_t sqlite_column_i64(struct db_statement *base, unsigned i)
{
    return sqlite3_column_int64(statement_of(base)->handle, (int)i);
}

static struct slice sqlite_column_text(struct db_statement *base, unsigned i)
{
    sqlite3_stmt *handle = statement_of(base)->handle;
    const char *at = (const char *)sqlite3_column_text(handle, (int)i);

    return slice_of(at, at ? (size_t)sqlite3_column_bytes(handle, (int)i) : 0);
}

static struct slice sqlite_column_bytes(struct db_statement *base, unsigned i)
{
    sqlite3_stmt *handle = statement_of(base)->handle;
    const char *at = sqlite3_column_blob(handle, (int)i);

    return slice_of(at, at ? (size_t)sqlite3_column_bytes(handle, (int)i) : 0);
}

/* --- the connection --- */

static void sqlite_close(struct db *base)
{
    struct sqlite_db *db = sqlite_of(base);

    while (db->statements) {
        struct sqlite_statement *s = db->statements;
        db->statements = s->next;
        sqlite3_finalize(s->handle);
        free(s);
    }
    for (size_t i = 0; i < ARRAY_LEN(db->transacts); i++)
        sqlite3_finalize(db->transacts[i]);
    sqlite3_close(db->handle);
    free(db);
}

/* Without SQLITE_CONFIG_URI a path that begins with "file:" would be read as a URI, which Debian's
 * build allows. */
static void sqlite_configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_URI, 0);
}

static int sqlite_prepare_connection(struct sqlite_db *db, const char *path)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, sqlite_configure);
    int code =
        sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (!db->handle)
        return -ENOMEM;
    if (code != SQLITE_OK)
        return sqlite_check(db, code);
    sqlite_set_patience(&db->base, DB_PATIENCE_MS);
    return sqlite_exec(&db->base, "PRAGMA page_size = 16384;"
                                  "PRAGMA journal_mode = WAL;"
                                  "PRAGMA synchronous = FULL;"
                                  "PRAGMA wal_autocheckpoint = 512;"
                                  "PRAGMA foreign_keys = ON;"
                                  "PRAGMA cache_size = -1024;");
}

static int sqlite_open(struct slice url, char ret_why[DB_WHY], struct db **ret)
{
    struct slice rest = slice_sub(url, strlen("sqlite:"), url.len);
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%.*s", SLICE_FMT(rest));
    if (strlen(path) != rest.len)
        path[0] = '\0';
    int rc = sqlite_file_make(path, ret_why);
    if (rc < 0)
        return rc;
    struct sqlite_db *db = calloc(1, sizeof(*db));
    if (!db) {
        snprintf(ret_why, DB_WHY, "out of memory");
        return -ENOMEM;
    }
    db->base.driver = &db_driver_sqlite;
    rc = sqlite_prepare_connection(db, path);
    if (rc < 0) {
        snprintf(ret_why, DB_WHY, "cannot open database %.150s: %.80s", path, db->base.error);
        sqlite_close(&db->base);
        return rc;
    }
    *ret = &db->base;
    return OK;
}

const struct db_driver db_driver_sqlite = {
    .name = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .set_patience = sqlite_set_patience,
    .exec = sqlite_exec,
    .transact = sqlite_transact,
    .changes = sqlite_changes,
    .prepare = sqlite_prepare,
    .bind_i64 = sqlite_bind_i64,
    .bind_text = sqlite_bind_text,
    .bind_bytes = sqlite_bind_bytes,
    .bind_null = sqlite_bind_null,
    .step = sqlite_step,
    .reset = sqlite_reset,
    .column_i64 = sqlite_column_i64,
    .column_text = sqlite_column_text,
    .column_bytes = sqlite_column_bytes,
    .interrupt = sqlite_interrupt,
    .find_table = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1",
};
