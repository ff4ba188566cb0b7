/* columns.c: see columns.h. */

#include "repository/columns.h"

#include "base/clock.h"

#include <errno.h>

_Static_assert((int)TIME_TEXT == CLOCK_RFC3339_LEN + 1, "a time fits");

int64_t columns_i64(struct columns *c)
{
    return db_column_i64(c->s, c->next++);
}

uint64_t columns_u64(struct columns *c)
{
    int64_t n = columns_i64(c);

    return n > 0 ? (uint64_t)n : 0;
}

bool columns_bool(struct columns *c)
{
    return columns_i64(c) != 0;
}

static struct slice keep(struct columns *c, struct slice s)
{
    if (slice_is_empty(s))
        return (struct slice){0};
    struct slice copy = arena_copy(c->a, s);
    if (!copy.at) {
        c->rc = -ENOMEM;
        return (struct slice){0};
    }
    return copy;
}

struct slice columns_text(struct columns *c)
{
    return keep(c, db_column_text(c->s, c->next++));
}

struct slice columns_bytes(struct columns *c)
{
    return keep(c, db_column_bytes(c->s, c->next++));
}

uint64_t columns_time(struct columns *c)
{
    struct slice text = db_column_text(c->s, c->next++);
    uint64_t wall_us;

    if (slice_is_empty(text) || slice_eq(text, SLICE("infinity")))
        return 0;
    return clock_parse_rfc3339(text, &wall_us) == OK ? wall_us : 1;
}

void bind_time(struct db_statement *s, unsigned n, uint64_t wall_us, char text[TIME_TEXT])
{
    if (wall_us == 0) {
        db_bind_null(s, n);
        return;
    }
    clock_rfc3339(wall_us, text);
    db_bind_text(s, n, slice_of(text, CLOCK_RFC3339_LEN));
}

void bind_bytes_or_null(struct db_statement *s, unsigned n, struct slice bytes)
{
    if (slice_is_empty(bytes))
        db_bind_null(s, n);
    else
        db_bind_bytes(s, n, bytes);
}

void bind_text_or_null(struct db_statement *s, unsigned n, struct slice text)
{
    if (slice_is_empty(text))
        db_bind_null(s, n);
    else
        db_bind_text(s, n, text);
}

static bool grow(struct row_list *l)
{
    size_t cap = l->cap ? l->cap * 2 : 16;
    char *at = arena_zalloc_array(l->a, cap, l->row_size);

    if (!at)
        return false;
    if (l->len)
        memcpy(at, l->at, l->len * l->row_size);
    l->at = at;
    l->cap = cap;
    return true;
}

void *row_list_add(struct row_list *l)
{
    if (l->len == l->cap && !grow(l))
        return NULL;
    return l->at + l->row_size * l->len++;
}

int row_list_fill(struct row_list *l, struct db_statement *s,
                  void (*read)(struct columns *c, void *row))
{
    struct columns c = {.s = s, .a = l->a};
    int rc = OK;

    while (c.rc == OK && (rc = db_step(s)) == DB_ROW) {
        void *row = row_list_add(l);
        c.next = 0;
        if (row)
            read(&c, row);
        else
            c.rc = -ENOMEM;
    }
    db_reset(s);
    return c.rc < 0 ? c.rc : rc;
}

int row_read_one(struct db_statement *s, struct arena *a,
                 void (*read)(struct columns *c, void *row), void *ret)
{
    struct columns c = {.s = s, .a = a};
    int rc = db_step(s);

    if (rc != DB_ROW)
        return rc < 0 ? rc : -ENOENT;
    read(&c, ret);
    db_reset(s);
    return c.rc;
}

int run_with(struct db *db, const char *sql, const uint64_t *numbers, unsigned n)
{
    struct db_statement *s;
    int rc = db_prepare(db, sql, &s);

    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < n; i++)
        db_bind_u64(s, i + 1, numbers[i]);
    return db_run(s);
}

int run_on_row(struct db *db, struct db_statement *s)
{
    int rc = db_run(s);

    if (rc == OK && db_changes(db) == 0)
        rc = -ENOENT;
    return rc;
}

void bind_filter(struct db_statement *s, unsigned n, struct slice text)
{
    db_bind_i64(s, n, text.len > 0);
    db_bind_text(s, n + 1, text);
}

int64_t page_after_id(const struct page_wish *page)
{
    uint64_t id;

    if (slice_to_u64(page->after, &id) < 0 || id > INT64_MAX)
        return 0;
    return (int64_t)id;
}
