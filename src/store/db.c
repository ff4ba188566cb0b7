/* db.c: finds the driver by the URL's scheme and passes calls on to it. */

#include "store/db.h"

#include "store/driver.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

static const struct db_driver *const drivers[] = {&db_driver_sqlite, &db_driver_postgres};

enum { LOOK_MS = 200 };

static bool is_named(const struct db_driver *driver, struct slice scheme)
{
    return slice_eq(scheme, slice_str(driver->name)) ||
           (driver->alias && slice_eq(scheme, slice_str(driver->alias)));
}

int db_open(struct slice url, char ret_why[DB_WHY], struct db **ret)
{
    struct slice rest = url, scheme = slice_cut(&rest, ':');

    *ret = NULL;
    ret_why[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(drivers); i++) {
        if (!is_named(drivers[i], scheme) || scheme.len == url.len)
            continue;
        int rc = drivers[i]->open(url, ret_why, ret);
        if (rc == OK)
            (*ret)->seen = -1, (*ret)->patience_ms = DB_PATIENCE_MS;
        return rc;
    }
    /* the rest of the URL may hold a password */
    snprintf(ret_why, DB_WHY,
             "no driver for a store of kind \"%.*s\": there are sqlite:PATH and "
             "postgres://USER:PASSWORD@HOST/DATABASE",
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
    db->patience_ms = ms;
    db->driver->set_patience(db, ms);
}

unsigned db_patience(const struct db *db)
{
    return db->patience_ms;
}

void db_interrupt(struct db *db)
{
    atomic_store(&db->interrupted, true);
    if (db->driver->interrupt)
        db->driver->interrupt(db);
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

int db_begin_append(struct db *db)
{
    return db->driver->transact(db, DB_BEGIN_APPEND);
}

int db_begin_still(struct db *db)
{
    return db->driver->transact(db, DB_BEGIN_STILL);
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

int db_has_table(struct db *db, const char *name, bool *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, db->driver->find_table, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, slice_str(name));
    rc = db_step(s);
    *ret = rc == DB_ROW && db_column_i64(s, 0) > 0;
    db_reset(s);
    return MIN(rc, OK);
}

int db_lead(struct db *db, bool *ret)
{
    *ret = true;
    return db->driver->lead ? db->driver->lead(db, ret) : OK;
}

/* --- waiting for a change --- */

/* DB_CHANGED when the number is another than when it was last looked at. */
static int look(struct db *db, const char *number)
{
    struct db_statement *s;
    int rc = db_prepare(db, number, &s);

    if (rc < 0)
        return rc;
    rc = db_step(s);
    if (rc != DB_ROW)
        return rc < 0 ? rc : -EBADMSG;
    int64_t seen = db->seen;
    db->seen = db_column_i64(s, 0);
    db_reset(s);
    return seen == db->seen ? OK : DB_CHANGED;
}

int db_wait_change(struct db *db, const struct db_watch *watch, int wake_fd, uint64_t ms)
{
    uint64_t end = clock_now_ms() + ms, now;
    int rc;

    if (db->driver->listen)
        return db->driver->listen(db, watch->channel, wake_fd, ms);
    while ((rc = look(db, watch->number)) == OK && (now = clock_now_ms()) < end) {
        struct pollfd wake = {.fd = wake_fd, .events = POLLIN};
        if (poll(&wake, 1, (int)MIN(end - now, (uint64_t)LOOK_MS)) > 0)
            break;
    }
    return rc;
}

/* --- rows in bulk --- */

bool db_can_copy(const struct db *db)
{
    return db->driver->copy_begin != NULL;
}

int db_copy_begin(struct db *db, const char *sql)
{
    return db->driver->copy_begin(db, sql);
}

void db_copy_i64(struct db *db, int64_t value)
{
    char text[21];
    int n = snprintf(text, sizeof(text), "%lld", (long long)value);

    db->driver->copy_text(db, slice_of(text, (size_t)n));
}

void db_copy_u64(struct db *db, uint64_t value)
{
    db_copy_i64(db, (int64_t)MIN(value, (uint64_t)INT64_MAX));
}

void db_copy_text(struct db *db, struct slice text)
{
    db->driver->copy_text(db, text);
}

void db_copy_null(struct db *db)
{
    db->driver->copy_null(db);
}

void db_copy_row(struct db *db)
{
    db->driver->copy_row(db);
}

int db_copy_end(struct db *db, int rc)
{
    return db->driver->copy_end(db, rc);
}
