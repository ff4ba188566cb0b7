/* migrate.c: see migrate.h. */

#include "store/migrate.h"

#include "base/clock.h"

#include "embedded_sql.h"

#include <errno.h>
#include <stdio.h>

/* for the work of another process, and of a server that rewrites a table */
enum { PATIENCE_MS = 300000 };

static const char make_table[] = "CREATE TABLE IF NOT EXISTS schema_migrations ("
                                 "version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, "
                                 "applied_at TEXT NOT NULL)"; /* good SQL for every driver */
static const char newest[] = "SELECT coalesce(max(version), 0) FROM schema_migrations";
static const char remember[] =
    "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3)";

int migrate_version(struct db *db, uint64_t *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, newest, &s);

    if (rc < 0)
        return rc;
    rc = db_step(s);
    if (rc != DB_ROW)
        return rc < 0 ? rc : -EBADMSG;
    *ret = (uint64_t)db_column_i64(s, 0);
    db_reset(s);
    return OK;
}

static int write_version(struct db *db, uint64_t version, const char *name)
{
    char now[CLOCK_RFC3339_LEN + 1];
    struct db_statement *s;
    int rc = db_prepare(db, remember, &s);

    if (rc < 0)
        return rc;
    clock_rfc3339(clock_wall_us(), now);
    db_bind_u64(s, 1, version);
    db_bind_text(s, 2, slice_str(name));
    db_bind_text(s, 3, slice_of(now, CLOCK_RFC3339_LEN));
    return db_run(s);
}

/* DB_ROW: applied; OK: another process was faster. Within a transaction. */
static int apply(struct db *db, const struct migration *m, uint64_t version)
{
    uint64_t found = 0;
    int rc = version == 1 ? db_exec(db, make_table) : OK;

    if (rc == OK)
        rc = migrate_version(db, &found);
    if (rc < 0 || found >= version)
        return rc;
    rc = db_exec(db, m->sql);
    if (rc == OK)
        rc = write_version(db, version, m->name);
    return rc < 0 ? rc : DB_ROW;
}

static int apply_in_transaction(struct db *db, const struct migration *m, uint64_t version,
                                bool *ret_applied)
{
    int rc = db_begin(db);

    if (rc < 0)
        return rc;
    rc = apply(db, m, version);
    *ret_applied = rc == DB_ROW;
    return db_end(db, MIN(rc, OK));
}

int migrate_list(struct db *db, const struct migration *list, size_t n,
                 struct migration_listener *listener, char ret_why[DB_WHY])
{
    uint64_t version = 0;
    bool is_there;
    int rc = db_has_table(db, "schema_migrations", &is_there);

    /* where nothing is pending, nothing is written: the rights to read are enough */
    if (rc == OK && is_there)
        rc = migrate_version(db, &version);
    if (rc < 0) {
        snprintf(ret_why, DB_WHY, "cannot read the schema's version: %.150s", db_error(db));
        return rc;
    }
    if (version > n) {
        snprintf(ret_why, DB_WHY,
                 "the database has migration %llu, this courier knows %zu: it was made by a newer "
                 "release",
                 (unsigned long long)version, n);
        return -ENOTSUP;
    }
    if (version < n)
        db_set_patience(db, PATIENCE_MS);
    for (; version < n; version++) {
        bool applied;
        rc = apply_in_transaction(db, &list[version], version + 1, &applied);
        if (rc < 0) {
            snprintf(ret_why, DB_WHY, "migration %.60s: %.150s", list[version].name, db_error(db));
            return rc;
        }
        if (applied && listener)
            listener->applied(listener, list[version].name);
    }
    db_set_patience(db, DB_PATIENCE_MS);
    return OK;
}

int migrate(struct db *db, struct migration_listener *listener, char ret_why[DB_WHY])
{
    struct migration list[ARRAY_LEN(embedded_files)];
    size_t n = 0, folder = strlen(db_driver_name(db));

    for (size_t i = 0; embedded_files[i].path; i++) {
        const char *path = embedded_files[i].path;
        if (strncmp(path, db_driver_name(db), folder) == 0 && path[folder] == '/')
            list[n++] = (struct migration){path + folder + 1, embedded_files[i].text};
    }
    return migrate_list(db, list, n, listener, ret_why);
}
