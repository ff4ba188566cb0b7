/* repository.h: a connection to the store as services see it: opened, migrated, in transactions.
 *
 * Blocking: for threads of the yard, one thread at a time. Errors as in store/db.h. */

#pragma once

#include "base/slice.h"

struct db; /* a connection */

enum { REPOSITORY_WHY = 256 };

/* store: the setting, "sqlite:path" or "postgres://…". Failed: ret_why tells a person what is
 * wrong. */
int repository_open(struct slice store, char ret_why[REPOSITORY_WHY], struct db **ret);
void repository_close(struct db *db);

/* Hears each migration that was applied. */
struct repository_migrations {
    void (*applied)(struct repository_migrations *m, const char *name);
};
/* Applies what is pending. heard may be NULL. -ENOTSUP: made by a newer release. */
int repository_migrate(struct db *db, struct repository_migrations *heard,
                       char ret_why[REPOSITORY_WHY]);

/* The number of the last migration that was applied; 0: none was. */
int repository_schema(struct db *db, uint64_t *ret);

/* How long a statement waits while another process holds the lock; see db_set_patience. */
void repository_set_patience(struct db *db, unsigned ms);
/* Any thread, while it is open: see db_interrupt. */
void repository_interrupt(struct db *db);
/* What went wrong last, in the database's words. */
const char *repository_error(const struct db *db);

/* One that reads and then writes, one at a time among all processes; one that only adds rows of
 * its own, and waits for nobody with a server; one that reads a state that stands still. */
int repository_begin(struct db *db) MUST_USE;
int repository_begin_append(struct db *db) MUST_USE;
int repository_begin_read(struct db *db) MUST_USE;
/* Commits when rc is OK, else rolls back; returns rc, or why the commit failed. */
int repository_end(struct db *db, int rc) MUST_USE;

/* Numbers that only grow, in the order of commits, whoever makes the change: as long as it is the
 * same database. After a failover, or with a backup, changes may be missing that had such numbers,
 * and others have them now: numbers of another origin say nothing. */
struct repository_versions {
    uint64_t catalog;   /* users, keys, providers and models */
    uint64_t registry;  /* as of catalog when providers or models last changed */
    uint64_t keys_gone; /* as of catalog when a key last went that key_repo_read cannot tell of */
    uint64_t origin;    /* of which run of which server, and which database; 0 without a server */
};
int repository_versions(struct db *db, struct repository_versions *ret);
/* The first of them alone. */
int repository_catalog_version(struct db *db, uint64_t *ret);

/* Whether this connection leads: work that one process at a time should do. See db_lead. */
int repository_lead(struct db *db, bool *ret);

/* Waits, outside of a transaction, until that number may have moved (REPOSITORY_CHANGED), wake_fd
 * can be read (it is left unread; -1: none) or ms have passed (OK). The first call on a connection,
 * also on one that was lost and came back, says REPOSITORY_CHANGED at once: what happened before is
 * for the caller to look at. -errno: the connection is lost; the next call makes a new one. */
enum { REPOSITORY_CHANGED = 1 };
int repository_wait_change(struct db *db, int wake_fd, uint64_t ms);
