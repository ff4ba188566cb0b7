/* postgres.h: what the files of the PostgreSQL driver share; private to store/postgres*.c.
 *
 * libpq is used in its asynchronous way only: every wait is a poll with a limit, so that a server
 * that was stopped, or a network that swallows packets, costs a known time and no thread. A
 * connection that failed is closed at once (conn is NULL) and made anew by the next transaction, or
 * the next statement outside of one. */

#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "store/driver.h"

enum { POSTGRES_PARAMETERS = 64 };

/* libpq's PGconn, PGresult and PQconninfoOption. */
struct pg_conn;
struct pg_result;
struct _PQconninfoOption;

struct postgres_value {
    struct slice bytes; /* borrowed until the statement ends */
    bool is_null, binary;
    char number[21];
};

struct postgres_statement {
    struct db_statement base;
    struct postgres_statement *next; /* of the connection's */
    const char *sql;
    char name[16];
    unsigned epoch; /* of the connection that it was prepared on; 0: none */
    unsigned parameters;
    int bind_rc; /* the first bind that failed */
    struct postgres_value values[POSTGRES_PARAMETERS];

    struct pg_result *row; /* the one that columns are read from */
    struct arena arena;    /* what columns of that row were turned into */
    bool short_of_memory;  /* a column could not be turned; the next step tells */
    _Alignas(16) unsigned char lent[256];
};

struct postgres_db {
    struct db base;
    char *url;
    struct pg_conn *conn; /* NULL: lost */
    unsigned epoch;       /* counts connections, from 1 */
    int lost;             /* why there is no connection: -errno */
    bool in_transaction;
    bool listening;
    bool leading;
    struct buf copy; /* rows of a COPY, gathered */
    bool copy_row;   /* a row of them has begun */
    bool copying;
    bool patience_told;
    unsigned told_ms;
    uint64_t changes;
    struct postgres_statement *statements;
    struct postgres_statement *active; /* whose rows are still coming */
    unsigned names;
};

static inline struct postgres_db *postgres_of(struct db *db)
{
    return container_of(db, struct postgres_db, base);
}

/* --- postgres_connect.c --- */

/* Connects and sets the session up. */
int postgres_connect(struct postgres_db *pg);
/* A connection to work with: the one there is, or, outside of a transaction, a new one. */
int postgres_alive(struct postgres_db *pg);

/* --- postgres_hosts.c --- */

/* A host at an address; what is empty is for libpq to choose. */
struct postgres_host {
    struct slice name, address, port;
};

struct postgres_hosts {
    struct postgres_host *at;
    size_t len; /* 0: what the URL says goes to libpq as it is */
};

/* Lists as libpq wants them; NULL: none. */
struct postgres_lists {
    const char *names, *addresses, *ports;
};

/* The hosts that the options name, each at each of its addresses; what cannot be looked up within 2
 * seconds is left out. When nothing is left: -ECONNREFUSED (there is no such host), -ETIMEDOUT;
 * -ENOMEM. */
int postgres_find_hosts(struct postgres_db *pg, struct arena *a,
                        const struct _PQconninfoOption *options, struct postgres_hosts *ret);
/* Those hosts, the first `behind` of them last. -ENOMEM. */
int postgres_list_hosts(struct arena *a, const struct postgres_hosts *hosts, size_t behind,
                        struct postgres_lists *ret);

/* --- postgres_wait.c --- */

/* Closes the connection because of rc, which is returned; error texts stay. */
int postgres_lose(struct postgres_db *pg, int rc);
/* The same with libpq's own words about it. */
int postgres_lose_with_words(struct postgres_db *pg);
/* Waits until the server takes or gives something, for the patience at most. */
int postgres_wait(struct postgres_db *pg, bool to_write);
/* Sends what libpq holds back. */
int postgres_flush(struct postgres_db *pg);
/* The next result of what was sent; *ret NULL: the last was had. */
int postgres_next(struct postgres_db *pg, struct pg_result **ret);
/* How a result says that its statement went; an error's text is kept, changed rows are counted. */
int postgres_check(struct postgres_db *pg, const struct pg_result *result);
/* Passes over all results that are still to come. rc: how it went so far; returns that, or the
 * first failure. */
int postgres_finish(struct postgres_db *pg, int rc);
/* One or more statements without values; rows are passed over. */
int postgres_query(struct postgres_db *pg, const char *sql);
/* SQLSTATE → -errno, as db.h says. */
int postgres_errno(const char *state);
/* Keeps one line of a text as the error. */
void postgres_set_error(struct postgres_db *pg, const char *text);

/* --- postgres_statement.c --- */

int postgres_prepare(struct db *base, const char *sql, struct db_statement **ret);
void postgres_bind_i64(struct db_statement *base, unsigned n, int64_t number);
void postgres_bind_text(struct db_statement *base, unsigned n, struct slice text);
void postgres_bind_bytes(struct db_statement *base, unsigned n, struct slice bytes);
void postgres_bind_null(struct db_statement *base, unsigned n);
int postgres_step(struct db_statement *base);
void postgres_reset(struct db_statement *base);
/* Another wants the connection: the rows of the active statement that are still to come are
 * dropped; its next step tells. */
int postgres_settle(struct postgres_db *pg);
/* The connection is gone, and what statements held of it. */
void postgres_forget_active(struct postgres_db *pg);
void postgres_free_statements(struct postgres_db *pg);

/* --- postgres_column.c --- */

int64_t postgres_column_i64(struct db_statement *base, unsigned i);
struct slice postgres_column_text(struct db_statement *base, unsigned i);
struct slice postgres_column_bytes(struct db_statement *base, unsigned i);

/* --- postgres_copy.c --- */

int postgres_copy_begin(struct db *base, const char *sql);
void postgres_copy_text(struct db *base, struct slice text);
void postgres_copy_null(struct db *base);
void postgres_copy_row(struct db *base);
int postgres_copy_end(struct db *base, int rc);

/* --- postgres_listen.c --- */

int postgres_listen(struct db *base, const char *channel, int wake_fd, uint64_t ms);
