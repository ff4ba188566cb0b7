/* repository.c: the connection; what services may not ask of the store themselves. */

#include "repository/repository.h"

#include "store/db.h"
#include "store/migrate.h"

#include <errno.h>

_Static_assert((int)REPOSITORY_WHY >= (int)DB_WHY, "the store's texts fit");

int repository_open(struct slice store, char ret_why[REPOSITORY_WHY], struct db **ret)
{
    return db_open(store, ret_why, ret);
}

void repository_close(struct db *db)
{
    db_close(db);
}

struct relay {
    struct migration_listener base;
    struct repository_migrations *heard;
};

static void relay_applied(struct migration_listener *base, const char *name)
{
    struct relay *r = container_of(base, struct relay, base);

    if (r->heard)
        r->heard->applied(r->heard, name);
}

int repository_migrate(struct db *db, struct repository_migrations *heard,
                       char ret_why[REPOSITORY_WHY])
{
    struct relay r = {.base.applied = relay_applied, .heard = heard};

    return migrate(db, &r.base, ret_why);
}

void repository_set_patience(struct db *db, unsigned ms)
{
    db_set_patience(db, ms);
}

void repository_interrupt(struct db *db)
{
    db_interrupt(db);
}

const char *repository_error(const struct db *db)
{
    return db_error(db);
}

int repository_begin(struct db *db)
{
    return db_begin(db);
}

int repository_begin_append(struct db *db)
{
    return db_begin_append(db);
}

int repository_begin_read(struct db *db)
{
    return db_begin_read(db);
}

int repository_end(struct db *db, int rc)
{
    return db_end(db, rc);
}

static const char ask_plain[] = "SELECT version, registry_version, keys_gone, 0 FROM catalog";
/* A server that took another's place was started at another time; a database or table that took
 * another's place has another number. */
static const char ask_server[] =
    "SELECT version, registry_version, keys_gone, hashtextextended(concat_ws(' ', "
    "pg_postmaster_start_time(), d.oid, CAST(to_regclass('catalog') AS oid)), 0) "
    "FROM catalog, pg_database AS d WHERE d.datname = current_database()";

int repository_versions(struct db *db, struct repository_versions *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, db_can_copy(db) ? ask_server : ask_plain, &s);

    if (rc < 0)
        return rc;
    rc = db_step(s);
    if (rc != DB_ROW)
        return rc < 0 ? rc : -EBADMSG;
    ret->catalog = (uint64_t)db_column_i64(s, 0);
    ret->registry = (uint64_t)db_column_i64(s, 1);
    ret->keys_gone = (uint64_t)db_column_i64(s, 2);
    ret->origin = (uint64_t)db_column_i64(s, 3);
    db_reset(s);
    return OK;
}

int repository_schema(struct db *db, uint64_t *ret)
{
    return migrate_version(db, ret);
}

int repository_catalog_version(struct db *db, uint64_t *ret)
{
    struct repository_versions versions = {0};
    int rc = repository_versions(db, &versions);

    *ret = versions.catalog;
    return rc;
}

int repository_lead(struct db *db, bool *ret)
{
    return db_lead(db, ret);
}

int repository_wait_change(struct db *db, int wake_fd, uint64_t ms)
{
    const struct db_watch watch = {.channel = "courier", .number = "SELECT version FROM catalog"};
    int rc = db_wait_change(db, &watch, wake_fd, ms);

    return rc == DB_CHANGED ? REPOSITORY_CHANGED : rc;
}
