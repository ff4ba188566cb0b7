/* key_loading.c: see key_loading.h.
 *
 * Rows gather in batches, each of which changes the table: a million rows at once would take more
 * memory than the table that is made from them. */

#include "service/key_loading.h"

#include "base/arena.h"
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

static int hear(struct key_ear *ear, const struct key_row *row)
{
    struct loading *l = container_of(ear, struct loading, ear);
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
    l->len += rc == OK;
    return rc;
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
