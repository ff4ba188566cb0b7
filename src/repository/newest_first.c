/* newest_first.c: see newest_first.h.
 *
 * A page that asks for every row is one statement. One with filters may have to look at many rows
 * for each that it finds: the log is then walked in pieces of a bounded number of rows, small at
 * first, and between two pieces the walk may end. A piece is known by its ends, which are places
 * between rows: rows that come meanwhile move nothing.
 *
 *   page = piece | piece | piece … until there are rows enough, no rows are left, or it is late */

#include "repository/newest_first.h"

#include "base/clock.h"

#include <errno.h>

/* SQLite: ids may be ahead of created_at after a clock was set back; not by more than this */
#define AHEAD_US ((uint64_t)24 * 3600 * 1000000)

enum { PIECE_ROWS_FIRST = 1000, PIECE_ROWS_MOST = 64000, PIECE_GROWS = 4 };

static const struct slice first_id = SLICE_INIT("00000000-0000-0000-0000-000000000000");
static const struct slice last_id = SLICE_INIT("ffffffff-ffff-ffff-ffff-ffffffffffff");
static const struct slice last_time = SLICE_INIT("9999-12-31T23:59:59.999Z");

bool newest_first_by_id(const struct db *db)
{
    return strcmp(db_driver_name(db), "sqlite") == 0;
}

void newest_first_least_id(uint64_t wall_us, char ret[RECORD_ID_TEXT])
{
    uint64_t ms = wall_us / 1000;
    struct record_id id = {{0}};

    for (unsigned i = 0; i < 6; i++)
        id.bytes[i] = (unsigned char)(ms >> (8 * (5 - i)));
    record_id_format(&id, ret);
}

struct walk {
    struct db *db;
    const struct newest_first_table *table;
    const struct newest_first_sql *sql;
    const struct log_wish *wish;
    bool by_id;
    struct slice from, to;
    struct log_place floor;       /* behind it nothing is wanted */
    struct log_place top, bottom; /* of the piece: behind the one, up to and with the other */
    bool at_end;                  /* there is nothing behind the piece */
    uint64_t piece_rows;
    struct row_list rows;
    size_t bytes; /* of the rows' texts */
};

/* --- where it begins and ends --- */

static bool is_place(struct log_place p)
{
    struct record_id unused;
    uint64_t unused_us;

    if (p.id.len + p.created_at.len == 0)
        return true;
    return record_id_parse(p.id, &unused) == OK &&
           clock_parse_rfc3339(p.created_at, &unused_us) == OK;
}

static struct slice time_text(struct walk *w, uint64_t wall_us)
{
    char text[TIME_TEXT];

    clock_rfc3339(wall_us, text);
    return arena_copy(w->rows.a, slice_str(text));
}

static struct slice least_id(struct walk *w, uint64_t wall_us)
{
    char text[RECORD_ID_TEXT];

    newest_first_least_id(wall_us, text);
    return arena_copy(w->rows.a, slice_of(text, sizeof(text)));
}

/* The place that all rows before `to` are behind, or the wish's own when that is further on. */
static struct log_place top_of(struct walk *w)
{
    uint64_t to_us = w->wish->to_wall_us, after_us;
    struct log_place after = w->wish->after, top = {last_id, w->to};

    if (w->by_id && to_us && to_us < UINT64_MAX / 2)
        top.id = least_id(w, to_us + AHEAD_US);
    else if (!w->by_id && to_us)
        top.id = first_id;
    if (!after.id.len || !top.id.at)
        return top;
    if (w->by_id)
        return slice_order(after.id, top.id) < 0 ? after : top;
    (void)clock_parse_rfc3339(after.created_at, &after_us); /* it is a place */
    return !to_us || after_us < to_us ? after : top;
}

static int begin(struct walk *w)
{
    uint64_t from_us = w->wish->from_wall_us, to_us = w->wish->to_wall_us;

    if (!is_place(w->wish->after))
        return -EINVAL;
    w->by_id = newest_first_by_id(w->db);
    w->sql = w->by_id ? &w->table->by_id : &w->table->by_time;
    w->piece_rows = PIECE_ROWS_FIRST;
    w->from = time_text(w, MAX(from_us, 1u));
    w->to = to_us ? time_text(w, to_us) : last_time;
    w->floor.id = w->by_id ? least_id(w, from_us) : first_id;
    w->floor.created_at = w->from;
    w->top = top_of(w);
    return w->from.at && w->to.at && w->floor.id.at && w->top.id.at ? OK : -ENOMEM;
}

/* --- pieces --- */

static int prepare(struct walk *w, const char *sql, struct db_statement **ret)
{
    int rc = db_prepare(w->db, sql, ret);

    if (rc < 0)
        return rc;
    db_bind_text(*ret, 1, w->by_id ? w->from : w->bottom.created_at);
    db_bind_text(*ret, 2, w->by_id ? w->to : w->top.created_at);
    db_bind_text(*ret, 3, w->top.id);
    db_bind_text(*ret, 4, w->bottom.id);
    return OK;
}

/* The piece of so many rows behind the top; shorter when less is left. */
static int cut_piece(struct walk *w, const char *sql, uint64_t rows)
{
    struct columns c = {.a = w->rows.a};

    w->bottom = w->floor;
    int rc = prepare(w, sql, &c.s);
    if (rc < 0)
        return rc;
    db_bind_u64(c.s, 5, rows - 1);
    rc = db_step(c.s);
    w->at_end = rc != DB_ROW;
    if (rc != DB_ROW)
        return rc;
    w->bottom.id = columns_text(&c);
    w->bottom.created_at = columns_text(&c);
    db_reset(c.s);
    return c.rc;
}

static bool is_heavy(const struct walk *w)
{
    return w->table->bytes_most && w->bytes >= w->table->bytes_most;
}

/* One row more than is wanted tells whether there is a next page. */
static bool is_full(const struct walk *w)
{
    return is_heavy(w) || w->rows.len > w->wish->limit;
}

static int read_rows(struct walk *w, struct db_statement *s)
{
    struct columns c = {.s = s, .a = w->rows.a};
    int rc = DB_ROW;

    while (c.rc == OK && !is_full(w) && (rc = db_step(s)) == DB_ROW) {
        struct slice *row = row_list_add(&w->rows);
        if (!row)
            c.rc = -ENOMEM;
        c.next = 0;
        for (size_t i = 0; row && i < w->table->columns; i++) {
            row[i] = columns_text(&c);
            w->bytes += row[i].len;
        }
    }
    db_reset(s);
    return c.rc < 0 ? c.rc : MIN(rc, OK);
}

static int read_piece(struct walk *w, const char *sql)
{
    struct db_statement *s;
    int rc = prepare(w, sql, &s);

    if (rc < 0)
        return rc;
    db_bind_u64(s, 5, w->wish->limit + 1 - w->rows.len);
    w->table->bind(s, w->wish);
    return read_rows(w, s);
}

/* --- two ways to go --- */

/* Every row: there is one piece. */
static int walk_all(struct walk *w, const char *sql)
{
    w->bottom = w->floor;
    w->at_end = true;
    return read_piece(w, sql);
}

static int next_piece(struct walk *w)
{
    int rc = cut_piece(w, w->sql->step, w->piece_rows);

    w->piece_rows = MIN(w->piece_rows * PIECE_GROWS, (uint64_t)PIECE_ROWS_MOST);
    return rc < 0 ? rc : read_piece(w, w->sql->page);
}

static bool is_late(const struct walk *w)
{
    return w->wish->until_ms && clock_now_ms() >= w->wish->until_ms;
}

static int walk_pieces(struct walk *w)
{
    int rc = next_piece(w);

    while (rc == OK && !w->at_end && !is_full(w)) {
        w->top = w->bottom;
        if (is_late(w))
            break;
        rc = next_piece(w);
    }
    return rc;
}

static int walk(struct walk *w)
{
    const struct log_wish *wish = w->wish;

    if (wish->request_id.len && w->sql->find)
        return walk_all(w, w->sql->find);
    if (wish->request_id.len || wish->status.len || wish->model.len || wish->provider.len ||
        wish->user_id || wish->key_id)
        return walk_pieces(w);
    return walk_all(w, w->sql->page);
}

/* --- the page --- */

static struct log_place place_of(const struct walk *w, size_t i)
{
    const struct slice *row = (const struct slice *)(void *)(w->rows.at + i * w->rows.row_size);

    return (struct log_place){row[NEWEST_FIRST_ID], row[NEWEST_FIRST_CREATED_AT]};
}

static void finish(const struct walk *w, struct log_page *ret)
{
    size_t limit = w->wish->limit;

    *ret = (struct log_page){.rows = w->rows.at, .len = MIN(w->rows.len, limit)};
    if (w->rows.len > limit || is_heavy(w))
        ret->next = place_of(w, ret->len - 1);
    else if (!w->at_end)
        ret->next = w->top;
}

int newest_first_page(struct db *db, const struct newest_first_table *table,
                      const struct log_wish *wish, struct arena *a, struct log_page *ret)
{
    struct walk w = {
        .db = db,
        .table = table,
        .wish = wish,
        .rows = {.a = a, .row_size = table->columns * sizeof(struct slice)},
    };
    int rc = begin(&w);

    *ret = (struct log_page){0};
    if (rc == OK)
        rc = walk(&w);
    if (rc == OK)
        finish(&w, ret);
    return rc;
}
