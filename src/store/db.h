/* db.h: one connection to the database, whichever it is.
 *
 * Plain blocking code for threads of the yard; a connection belongs to one thread at a time. SQL is
 * written once for all drivers: placeholders are $1, $2 …; text is UTF-8. Every function that can
 * fail returns -errno, and db_error tells the driver's own words: -EBUSY     another process holds
 * the lock for longer than db_set_patience allows -EEXIST    a UNIQUE or PRIMARY KEY is taken
 * -EINVAL   the SQL or a value is wrong -EROFS, -EACCES, -ENOSPC, -EIO                   the files
 *   -EBADMSG   not a database, or a damaged one      -ENOMEM */

#pragma once

#include "base/slice.h"

struct db;
struct db_statement;

enum { DB_WHY = 256 };

/* url: "sqlite:path/to/file" (folder and file are made, 0700 and 0600, when absent). Failed:
 * ret_why tells what is wrong, with the path. -EPROTONOSUPPORT: no driver of that scheme. */
int db_open(struct slice url, char ret_why[DB_WHY], struct db **ret);
/* Rolls back what is open. NULL is harmless. */
void db_close(struct db *db);
/* What went wrong last; empty: nothing did. */
const char *db_error(const struct db *db);
/* "sqlite": the folder of the driver's migrations. */
const char *db_driver_name(const struct db *db);
/* How long one statement waits for another process' lock; 2 s at first. */
void db_set_patience(struct db *db, unsigned ms);

/* Runs one or more statements without values or rows. */
int db_exec(struct db *db, const char *sql);

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

/* A transaction that will write takes its lock at once. */
int db_begin(struct db *db) MUST_USE;
/* One that only reads: all of its statements see the same state. */
int db_begin_read(struct db *db) MUST_USE;
/* Failed: everything was rolled back. */
int db_commit(struct db *db) MUST_USE;
void db_rollback(struct db *db);
/* Ends a transaction by how its work went: commits when rc is OK, else rolls back; returns rc, or
 * why the commit failed. */
int db_end(struct db *db, int rc) MUST_USE;
