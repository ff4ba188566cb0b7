/* key_loading.c: see key_loading.h.
 *
 * Rows gather in batches, each of which changes the table: a million rows at once would take more
 * memory than the table that is made from them. */

#include "service/key_loading.h"

#include "base/arena.h"
#include "base/clock.h"
#include "repository/key_repo.h"

#include <errno.h>
#include <stdlib.h>

enum { BATCH_ROWS = 1 << 16, FIRST_ROWS = 64 };

struct loading {
    struct key_ear ear;
    const struct key_table *old;
    struct key_table *table; /* NULL: as old */
    struct key_row *rows;    /* of this batch; their text is in the arena */
    size_t len, cap;
    struct arena arena;
};

static int change(struct loading *l)
{
    struct key_table *changed;
    int rc = key_table_change(l->table ? l->table : l->old, l->rows, l->len, &changed);

    if (rc < 0)
        return rc;
    key_table_free(l->table);
    l->table = changed;
    l->len = 0;
    arena_clear(&l->arena);
    return OK;
}

static int make_room(struct loading *l)
{
    if (l->len < l->cap)
        return OK;
    if (l->cap == BATCH_ROWS)
        return change(l);
    size_t cap = l->cap ? l->cap * 2 : FIRST_ROWS;
    struct key_row *rows = realloc(l->rows, cap * sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    l->rows = rows;
    l->cap = cap;
    return OK;
}

static int keep_text(struct loading *l, struct slice *text)
{
    *text = text->len ? arena_copy(&l->arena, *text) : (struct slice){0};
    return text->len && !text->at ? -ENOMEM : OK;
}

/* The row as it is to be in the table. */
static int keep(struct loading *l, const struct key_row *row)
{
    int rc = make_room(l);

    if (rc < 0)
        return rc;
    struct key_row *kept = &l->rows[l->len];
    *kept = *row;
    rc = keep_text(l, &kept->user_name);
    if (rc == OK)
        rc = keep_text(l, &kept->name);
    if (rc == OK)
        rc = keep_text(l, &kept->models);
    if (rc == OK)
        rc = keep_text(l, &kept->model_limits);
    l->len += rc == OK;
    return rc;
}

/* The key that a rotation replaced: the same one under another hash, and not for long. When its
 * time is over the entry is of no use, but does no harm. */
static int keep_old(struct loading *l, const struct key_row *row)
{
    struct key_row old = *row;

    memcpy(old.hash, row->old_hash, sizeof(old.hash));
    if (old.expires_wall_us == 0 || old.expires_wall_us > row->old_until_wall_us)
        old.expires_wall_us = row->old_until_wall_us;
    old.revoked |= old.old_until_wall_us <= clock_wall_us();
    return keep(l, &old);
}

static int hear(struct key_ear *ear, const struct key_row *row)
{
    struct loading *l = container_of(ear, struct loading, ear);
    struct key_row now = *row;

    now.revoked |= now.disabled || now.user_off;
    int rc = keep(l, &now);
    return rc < 0 || now.old_until_wall_us == 0 ? rc : keep_old(l, &now);
}

int key_loading_run(struct db *db, const struct key_table *old, int64_t behind,
                    struct key_table **ret)
{
    struct loading l = {.ear = {hear}, .old = old};

    arena_init(&l.arena, 0);
    int rc = key_repo_read(db, behind, &l.ear);
    if (rc == OK && (l.len || (!l.table && !old)))
        rc = change(&l);
    arena_clear(&l.arena);
    free(l.rows);
    if (rc < 0) {
        key_table_free(l.table);
        l.table = NULL;
    }
    *ret = l.table;
    return rc;
}
