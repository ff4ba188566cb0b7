/* columns.h: what the repositories share: columns into an arena, times as text, growing row lists.
 * Private to repository/. */

#pragma once

#include "base/arena.h"
#include "model/page_wish.h"
#include "store/db.h"

/* Reads the columns of one row in the order of the SELECT; the first failure (out of memory) stays
 * in rc. */
struct columns {
    struct db_statement *s;
    struct arena *a;
    unsigned next;
    int rc;
};

int64_t columns_i64(struct columns *c);
uint64_t columns_u64(struct columns *c); /* negative is 0 */
bool columns_bool(struct columns *c);
struct slice columns_text(struct columns *c);
struct slice columns_bytes(struct columns *c);
/* RFC 3339 → microseconds; NULL: 0. What is no such time, written by hand, is long past (1): a key
 * that was to expire must not live for ever. */
uint64_t columns_time(struct columns *c);

/* Binds a time; 0: NULL. text must live until the statement ends. */
enum { TIME_TEXT = 25 };
void bind_time(struct db_statement *s, unsigned n, uint64_t wall_us, char text[TIME_TEXT]);
/* Binds bytes; empty: NULL. */
void bind_bytes_or_null(struct db_statement *s, unsigned n, struct slice bytes);
void bind_text_or_null(struct db_statement *s, unsigned n, struct slice text);

/* A list of rows that grows in an arena. */
struct row_list {
    struct arena *a;
    size_t row_size;
    char *at;
    size_t len, cap;
};
/* A zeroed place at the end, valid until the next one; NULL: out of memory. */
void *row_list_add(struct row_list *l);
/* Runs the statement and reads each row into the list with `read`, which returns -errno or OK. */
int row_list_fill(struct row_list *l, struct db_statement *s,
                  void (*read)(struct columns *c, void *row));
/* The one row of a statement that is bound. -ENOENT. */
int row_read_one(struct db_statement *s, struct arena *a,
                 void (*read)(struct columns *c, void *row), void *ret);
/* Runs SQL whose values are numbers, $1 and so on; rows are passed over. */
int run_with(struct db *db, const char *sql, const uint64_t *numbers, unsigned n);
/* Runs a statement that must touch a row: -ENOENT when it touched none. */
int run_on_row(struct db *db, struct db_statement *s);
/* Binds "($n = 0 OR column = $n+1)": an empty text is any. */
void bind_filter(struct db_statement *s, unsigned n, struct slice text);
/* The id behind which a page begins; what is none is from the beginning. */
int64_t page_after_id(const struct page_wish *page);
