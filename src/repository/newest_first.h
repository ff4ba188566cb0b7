/* newest_first.h: what the call log and the stored prompts have in common: ids that are those of
 * records, and pages of rows, newest first. Private to repository/.
 *
 * Newest first is the order of each store's key, so that a page costs its rows and no more: of the
 * ids, which are in the order of time, in SQLite; of the time and then the id in PostgreSQL, where
 * each day is a partition. */

#pragma once

#include "base/ids.h"
#include "model/log_wish.h"
#include "repository/columns.h"

/* Whether the order is that of ids alone. */
bool newest_first_by_id(const struct db *db);
/* The least id that a record of that time has (RFC 9562, section 5.7: milliseconds come first). */
void newest_first_least_id(uint64_t wall_us, char ret[RECORD_ID_TEXT]);

/* A row is as many texts as it has columns. */
enum { NEWEST_FIRST_ID = 0, NEWEST_FIRST_CREATED_AT = 2 };

/* The statements of one order of rows. */
struct newest_first_sql {
    const char *page; /* rows of a piece of the log that pass the filters */
    const char *find; /* all rows of one request, by an index; NULL: there is none */
    const char *step; /* the last row of the next piece: so many rows on */
};

struct newest_first_table {
    struct newest_first_sql by_id, by_time;
    size_t columns;
    size_t bytes_most; /* a page ends with the row that reaches it; 0: none does */
    /* Binds the filters: the request's id as $6, then the table's own. */
    void (*bind)(struct db_statement *s, const struct log_wish *wish);
};

/* -EINVAL: wish->after is no row's. */
int newest_first_page(struct db *db, const struct newest_first_table *table,
                      const struct log_wish *wish, struct arena *a, struct log_page *ret);

/* A piece of the log: $1, $2: its first and last time; $3: the id that it is behind; $4: its last
 * id; $5: how many rows. In the order of ids the times only filter; steps, which count rows, do
 * without. */
#define NEWEST_FIRST_STEP_BY_ID " WHERE $1 <> '' AND $2 <> '' AND id < $3 AND id >= $4 "
#define NEWEST_FIRST_PIECE_BY_ID                                                                   \
    " WHERE created_at >= $1 AND created_at < $2 AND id < $3 AND id >= $4 "
#define NEWEST_FIRST_PIECE_BY_TIME                                                                 \
    " WHERE created_at >= $1 AND created_at <= $2 AND (created_at, id) < ($2, $3) "                \
    "AND (created_at, id) >= ($1, $4) "
#define NEWEST_FIRST_BY_ID   "ORDER BY id DESC "
#define NEWEST_FIRST_BY_TIME "ORDER BY created_at DESC, id DESC "

/* Of struct newest_first_table. PostgreSQL's index of requests is over a hash of request_id. */
#define NEWEST_FIRST_SQL(table_, columns_, filters_)                                               \
    .by_id =                                                                                       \
        {                                                                                          \
            .page = "SELECT " columns_ " FROM " table_ NEWEST_FIRST_PIECE_BY_ID filters_           \
                    " " NEWEST_FIRST_BY_ID "LIMIT $5",                                             \
            .step =                                                                                \
                "SELECT id, created_at FROM " table_ NEWEST_FIRST_STEP_BY_ID NEWEST_FIRST_BY_ID    \
                "LIMIT 1 OFFSET $5",                                                               \
    },                                                                                             \
    .by_time = {                                                                                   \
        .page = "SELECT " columns_ " FROM " table_ NEWEST_FIRST_PIECE_BY_TIME filters_             \
                " " NEWEST_FIRST_BY_TIME "LIMIT $5",                                               \
        .find = "SELECT " columns_ " FROM " table_ NEWEST_FIRST_PIECE_BY_TIME                      \
                "AND hashtext(request_id) = hashtext($6) " filters_ " " NEWEST_FIRST_BY_TIME       \
                "LIMIT $5",                                                                        \
        .step =                                                                                    \
            "SELECT id, created_at FROM " table_ NEWEST_FIRST_PIECE_BY_TIME NEWEST_FIRST_BY_TIME   \
            "LIMIT 1 OFFSET $5",                                                                   \
    }
