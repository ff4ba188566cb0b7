/* db.h: one connection to the database, whichever it is.
 *
 * Plain blocking code for threads of the yard; a connection belongs to one thread at a time. SQL is
 * written once for all drivers: placeholders are $1, $2 …; text is UTF-8; a boolean reads as 0 or
 * 1, a time as RFC 3339 text in UTC. Every function that can fail returns -errno, and db_error
 * tells the driver's own words: -EBUSY    another holds a lock for longer than db_set_patience
 * allows -EEXIST   a UNIQUE or PRIMARY KEY is taken, or another constraint broken -EINVAL   the SQL
 * or a value is wrong -EROFS, -EACCES, -ENOSPC, -EIO      the files, or what the server says of its
 * own -EBADMSG  not a database, or a damaged one -ETIMEDOUT, -EPIPE, -ECONNREFUSED   the server is
 * silent, has gone, cannot be reached -ENOMEM
 *
 * A connection to a server that was lost comes back by itself with the next transaction, or the
 * next statement outside of one; what was in a transaction then is lost with it, unless it is the
 * answer to a commit that never came. A statement that fails ends its transaction: all that is left
 * is to roll back. Rows of one statement are read before the next one is begun. */

#pragma once

#include "base/slice.h"

struct db;
struct db_statement;

enum { DB_WHY = 256 };

/* url: "sqlite:path/to/file" (folder and file are made, 0700 and 0600, when absent) or
 * "postgres://user:password@host/database?parameters" of libpq. Failed: ret_why tells what is
 * wrong, with path or host and never a password. -EPROTONOSUPPORT: no driver of that scheme, or a
 * server that will not do. A server is waited for 5 s at most. */
int db_open(struct slice url, char ret_why[DB_WHY], struct db **ret);
/* Rolls back what is open. NULL is harmless. */
void db_close(struct db *db);
/* What went wrong last; empty: nothing did. */
const char *db_error(const struct db *db);
/* "sqlite", "postgres": the folder of the driver's migrations. */
const char *db_driver_name(const struct db *db);
/* How long one statement waits for another's lock; DB_PATIENCE_MS at first. A server may beyond
 * that be silent for 3 s before it is given up (-ETIMEDOUT): a slow statement is no silence once
 * rows come. */
enum { DB_PATIENCE_MS = 2000 };
void db_set_patience(struct db *db, unsigned ms);
unsigned db_patience(const struct db *db);
/* Any thread, while the connection is open: the statement that it waits for now ends soon with
 * -ECANCELED. Only closing is left then. */
void db_interrupt(struct db *db);

/* Runs one or more statements without values or rows. */
int db_exec(struct db *db, const char *sql);
int db_has_table(struct db *db, const char *name, bool *ret);

/* The statement of this text, ready to bind; prepared once and kept with the connection. sql must
 * live as long as the connection (a literal): it is found again by its address. */
int db_prepare(struct db *db, const char *sql, struct db_statement **ret);
/* Values of $n, n from 1. Bytes are borrowed until the statement ends. A failed bind is told by the
 * next step. An unsigned value beyond INT64_MAX becomes INT64_MAX. */
void db_bind_i64(struct db_statement *s, unsigned n, int64_t value);
void db_bind_u64(struct db_statement *s, unsigned n, uint64_t value);
void db_bind_text(struct db_statement *s, unsigned n, struct slice text);
void db_bind_bytes(struct db_statement *s, unsigned n, struct slice bytes);
void db_bind_null(struct db_statement *s, unsigned n);
/* The next row: DB_ROW; OK: no more, the statement has ended; -errno: it has ended. */
enum { DB_ROW = 1 };
int db_step(struct db_statement *s) MUST_USE;
/* Steps to the end; rows are passed over. */
int db_run(struct db_statement *s) MUST_USE;
/* Ends a statement before its last row. Harmless on one that ended. */
void db_reset(struct db_statement *s);
/* Column i of the row, from 0. NULL is 0 or empty; slices live until the next step or reset. */
int64_t db_column_i64(struct db_statement *s, unsigned i);
struct slice db_column_text(struct db_statement *s, unsigned i);
struct slice db_column_bytes(struct db_statement *s, unsigned i);
/* Rows that the last INSERT, UPDATE or DELETE touched. */
uint64_t db_changes(const struct db *db);

/* A transaction that reads and then writes: one at a time among all processes. */
int db_begin(struct db *db) MUST_USE;
/* One that only adds rows of its own, or what others do not read before they write: with a server
 * it does not wait for others. */
int db_begin_append(struct db *db) MUST_USE;
/* One that reads a state that stands still and writes what follows from it: with a server it does
 * not wait, and is -EBUSY when another has changed what it changes. */
int db_begin_still(struct db *db) MUST_USE;
/* One that only reads: all of its statements see the same state. */
int db_begin_read(struct db *db) MUST_USE;
/* Failed: everything was rolled back. */
int db_commit(struct db *db) MUST_USE;
void db_rollback(struct db *db);
/* Ends a transaction by how its work went: commits when rc is OK, else rolls back; returns rc, or
 * why the commit failed. */
int db_end(struct db *db, int rc) MUST_USE;

/* Whether this connection leads all that ask for the same: work that one at a time should do. It
 * leads until it is closed or lost, with a server also when it does nothing for 5 minutes; ask
 * again before each piece of work. */
int db_lead(struct db *db, bool *ret);

/* Where changes show: a channel that the database tells them on, and SQL for a number that moves
 * with each. A driver uses the one that it can. */
struct db_watch {
    const char *channel;
    const char *number; /* lives as long as the connection */
};
enum { DB_CHANGED = 1 };
/* Waits, outside of a transaction, until something may have changed (DB_CHANGED), wake_fd can be
 * read (it is left unread; -1: none) or ms have passed (OK). The first call on a connection, also
 * one that came back, says DB_CHANGED at once: nobody knows what was before. -errno: it is lost. */
int db_wait_change(struct db *db, const struct db_watch *watch, int wake_fd, uint64_t ms);

/* Many rows in one go, where the driver can: COPY … FROM STDIN in its text format, with one value
 * for each column, in order, and db_copy_row behind each row. sql may have statements in front of
 * the COPY. Ill-formed UTF-8 becomes U+FFFD. A failure stays until the end, which tells it; end
 * with rc < 0 gives the rows up and returns rc. */
bool db_can_copy(const struct db *db);
int db_copy_begin(struct db *db, const char *sql) MUST_USE;
void db_copy_i64(struct db *db, int64_t value);
void db_copy_u64(struct db *db, uint64_t value);
void db_copy_text(struct db *db, struct slice text);
void db_copy_null(struct db *db);
void db_copy_row(struct db *db);
int db_copy_end(struct db *db, int rc) MUST_USE;
