/* newest_first.h: what tables have in common whose ids are those of records, and which are read
 * newest first. Private to repository/.
 *
 * Newest first is the order of each store's key, so that a page costs its rows and no more: of the
 * ids, which are in the order of time, in SQLite; of the time and then the id in PostgreSQL, where
 * each day is a partition. */

#pragma once

#include "base/ids.h"
#include "repository/columns.h"

/* Whether the order is that of ids alone. */
bool newest_first_by_id(const struct db *db);
/* The least id that a record of that time has (RFC 9562, section 5.7: milliseconds come first). */
void newest_first_least_id(uint64_t wall_us, char ret[RECORD_ID_TEXT]);
/* Whether a page can begin behind this: a row's id and time as they were read, or nothing. */
bool newest_first_is_row(struct slice id, struct slice created_at);
/* Binds them; nothing: what is beyond all rows. */
void newest_first_bind_after(struct db_statement *s, unsigned n_id, struct slice id,
                             struct slice created_at);
/* The texts of a span of time; live until the statement ends. */
struct newest_first_span {
    char from[TIME_TEXT], to[TIME_TEXT], least_id[RECORD_ID_TEXT];
};
/* Binds where it begins and ends (0: nowhere) as $1 and $2, and the least id in it as $n_id. */
void newest_first_bind_span(struct db_statement *s, uint64_t from_wall_us, uint64_t to_wall_us,
                            unsigned n_id, struct newest_first_span *span);
