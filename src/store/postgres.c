/* postgres.c: the driver for PostgreSQL 15 and newer: opening, transactions and the table of its
 * functions; see postgres.h for the rest. */

#include "store/postgres.h"

#include "base/secret.h"
#include "codec/store_url.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

enum { COPY_MOST = 1024 * 1024 };

/* The lock of all who read and then write: "courier" as a number, in each database one. */
#define TAKE_LOCK "SELECT pg_advisory_xact_lock(x'636f7572696572'::bigint)"

static int postgres_exec(struct db *base, const char *sql)
{
    struct postgres_db *pg = postgres_of(base);
    int rc = postgres_alive(pg);

    return rc < 0 ? rc : postgres_query(pg, sql);
}

static void postgres_set_patience(struct db *base, unsigned ms)
{
    struct postgres_db *pg = postgres_of(base);

    pg->patience_told = pg->patience_told && pg->told_ms == ms;
}

static uint64_t postgres_changes(const struct db *base)
{
    return container_of(base, const struct postgres_db, base)->changes;
}

/* --- transactions --- */

static int begin(struct postgres_db *pg, const char *sql)
{
    if (pg->in_transaction) {
        db_set_error(&pg->base, "a transaction within a transaction");
        return -EINVAL;
    }
    int rc = postgres_alive(pg);
    if (rc == OK)
        rc = postgres_query(pg, sql);
    pg->in_transaction = rc == OK;
    if (rc < 0 && pg->conn)
        (void)postgres_query(pg, "ROLLBACK");
    return rc;
}

static int rollback(struct postgres_db *pg)
{
    int rc = OK;

    if (pg->copying)
        (void)postgres_copy_end(&pg->base, -EINVAL);
    if (pg->conn)
        rc = postgres_settle(pg);
    if (pg->conn)
        rc = postgres_query(pg, "ROLLBACK");
    pg->in_transaction = false;
    return rc;
}

/* A server answers the COMMIT of a transaction that failed with ROLLBACK, and calls it done. */
static int commit(struct postgres_db *pg)
{
    if (!pg->in_transaction) {
        db_set_error(&pg->base, "there is no transaction");
        return -EINVAL;
    }
    if (!pg->conn)
        return pg->lost;
    if (pg->copying || PQtransactionStatus(pg->conn) == PQTRANS_INERROR)
        return -EINVAL; /* the words of what failed stay */
    int rc = postgres_settle(pg);
    if (rc == OK)
        rc = postgres_query(pg, "COMMIT");
    pg->in_transaction = rc < 0;
    return rc;
}

static int postgres_transact(struct db *base, enum db_transaction what)
{
    struct postgres_db *pg = postgres_of(base);

    switch (what) {
    case DB_BEGIN:
        return begin(pg, "BEGIN; " TAKE_LOCK);
    case DB_BEGIN_APPEND:
        return begin(pg, "BEGIN");
    case DB_BEGIN_STILL:
        return begin(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    case DB_BEGIN_READ:
        return begin(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    case DB_COMMIT:
        return commit(pg);
    default:
        return rollback(pg);
    }
}

/* The session's own lock: "leads" as a number. It ends with the session, and the server ends that
 * of a process which was stopped, so that another may lead. */
static const char lead[] = "SELECT pg_try_advisory_lock(x'6c65616473'::bigint), "
                           "set_config('idle_session_timeout', '5min', false)";

static int postgres_lead(struct db *base, bool *ret)
{
    struct postgres_db *pg = postgres_of(base);
    struct db_statement *s;
    int rc = postgres_alive(pg); /* a new session leads nobody */

    if (rc == OK && !pg->leading) {
        rc = db_prepare(base, lead, &s);
        if (rc == OK)
            rc = db_step(s);
        pg->leading = rc == DB_ROW && db_column_i64(s, 0);
        if (rc == DB_ROW)
            rc = db_run(s);
    }
    *ret = pg->leading;
    return rc;
}

/* --- the connection --- */

static void postgres_close(struct db *base)
{
    struct postgres_db *pg = postgres_of(base);

    postgres_free_statements(pg);
    PQfinish(pg->conn);
    buf_free(&pg->copy);
    if (pg->url)
        secret_wipe(pg->url, strlen(pg->url));
    free(pg->url);
    free(pg);
}

static struct postgres_db *make(struct slice url)
{
    struct postgres_db *pg = calloc(1, sizeof(*pg));

    if (!pg)
        return NULL;
    pg->base.driver = &db_driver_postgres;
    pg->base.patience_ms = DB_PATIENCE_MS;
    buf_init(&pg->copy, COPY_MOST);
    pg->url = strndup(url.at, url.len);
    if (pg->url)
        return pg;
    free(pg);
    return NULL;
}

static int postgres_open(struct slice url, char ret_why[DB_WHY], struct db **ret)
{
    const char *fault = store_url_fault(url);

    if (fault) {
        snprintf(ret_why, DB_WHY, "the URL %s", fault);
        return -EINVAL;
    }
    struct postgres_db *pg = make(url);
    if (!pg) {
        snprintf(ret_why, DB_WHY, "out of memory");
        return -ENOMEM;
    }
    int rc = postgres_connect(pg);
    if (rc < 0) {
        snprintf(ret_why, DB_WHY, "%.*s", DB_WHY - 1, pg->base.error);
        postgres_close(&pg->base);
        return rc;
    }
    *ret = &pg->base;
    return OK;
}

const struct db_driver db_driver_postgres = {
    .name = "postgres",
    .alias = "postgresql",
    .open = postgres_open,
    .close = postgres_close,
    .set_patience = postgres_set_patience,
    .exec = postgres_exec,
    .transact = postgres_transact,
    .changes = postgres_changes,
    .prepare = postgres_prepare,
    .bind_i64 = postgres_bind_i64,
    .bind_text = postgres_bind_text,
    .bind_bytes = postgres_bind_bytes,
    .bind_null = postgres_bind_null,
    .step = postgres_step,
    .reset = postgres_reset,
    .column_i64 = postgres_column_i64,
    .column_text = postgres_column_text,
    .column_bytes = postgres_column_bytes,
    .find_table = "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass($1)",
    .lead = postgres_lead,
    .listen = postgres_listen,
    .copy_begin = postgres_copy_begin,
    .copy_text = postgres_copy_text,
    .copy_null = postgres_copy_null,
    .copy_row = postgres_copy_row,
    .copy_end = postgres_copy_end,
};
