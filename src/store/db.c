/* db.c: finds the driver by the URL's scheme and passes calls on to it. */

#include "store/db.h"

#include "store/driver.h"

#include <errno.h>
#include <stdio.h>

static const struct db_driver *const drivers[] = {&db_driver_sqlite};

int db_open(struct slice url, char ret_why[DB_WHY], struct db **ret)
{
    struct slice rest = url, scheme = slice_cut(&rest, ':');

    *ret = NULL;
    ret_why[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(drivers); i++) {
        if (slice_eq(scheme, slice_str(drivers[i]->name)) && scheme.len < url.len)
            return drivers[i]->open(rest, ret_why, ret);
    }
    /* the rest of the URL may hold a password */
    snprintf(ret_why, DB_WHY, "no driver for a store of kind \"%.*s\": this build has sqlite:PATH",
             (int)MIN(scheme.len, 32u), scheme.at ? scheme.at : "");
    return -EPROTONOSUPPORT;
}

void db_close(struct db *db)
{
    if (db)
        db->driver->close(db);
}

const char *db_error(const struct db *db)
{
    return db->error;
}

void db_set_error(struct db *db, const char *text)
{
    snprintf(db->error, sizeof(db->error), "%s", text ? text : "");
}

const char *db_driver_name(const struct db *db)
{
    return db->driver->name;
}

void db_set_patience(struct db *db, unsigned ms)
{
    db->driver->set_patience(db, ms);
}

int db_exec(struct db *db, const char *sql)
{
    return db->driver->exec(db, sql);
}

int db_prepare(struct db *db, const char *sql, struct db_statement **ret)
{
    return db->driver->prepare(db, sql, ret);
}

void db_bind_i64(struct db_statement *s, unsigned n, int64_t value)
{
    s->db->driver->bind_i64(s, n, value);
}

void db_bind_u64(struct db_statement *s, unsigned n, uint64_t value)
{
    s->db->driver->bind_i64(s, n, (int64_t)MIN(value, (uint64_t)INT64_MAX));
}

void db_bind_text(struct db_statement *s, unsigned n, struct slice text)
{
    s->db->driver->bind_text(s, n, text);
}

void db_bind_bytes(struct db_statement *s, unsigned n, struct slice bytes)
{
    s->db->driver->bind_bytes(s, n, bytes);
}

void db_bind_null(struct db_statement *s, unsigned n)
{
    s->db->driver->bind_null(s, n);
}

int db_step(struct db_statement *s)
{
    return s->db->driver->step(s);
}

int db_run(struct db_statement *s)
{
    int rc;

    do
        rc = db_step(s);
    while (rc == DB_ROW);
    return rc;
}

void db_reset(struct db_statement *s)
{
    s->db->driver->reset(s);
}

int64_t db_column_i64(struct db_statement *s, unsigned i)
{
    return s->db->driver->column_i64(s, i);
}

struct slice db_column_text(struct db_statement *s, unsigned i)
{
    return s->db->driver->column_text(s, i);
}

struct slice db_column_bytes(struct db_statement *s, unsigned i)
{
    return s->db->driver->column_bytes(s, i);
}

uint64_t db_changes(const struct db *db)
{
    return db->driver->changes(db);
}

int db_begin(struct db *db)
{
    return db->driver->transact(db, DB_BEGIN);
}

int db_begin_read(struct db *db)
{
    return db->driver->transact(db, DB_BEGIN_READ);
}

int db_commit(struct db *db)
{
    int rc = db->driver->transact(db, DB_COMMIT);

    if (rc < 0)
        db_rollback(db);
    return rc;
}

/* the error that led here stays to be told */
void db_rollback(struct db *db)
{
    char error[DB_WHY];

    memcpy(error, db->error, sizeof(error));
    (void)db->driver->transact(db, DB_ROLLBACK);
    memcpy(db->error, error, sizeof(error));
}

int db_end(struct db *db, int rc)
{
    if (rc == OK)
        return db_commit(db);
    db_rollback(db);
    return rc;
}
