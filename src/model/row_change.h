/* row_change.h: some members of a row that are to have new values. */

#pragma once

#include "base/base.h"

struct row_member {
    size_t at, size;
};

enum { ROW_CHANGE_MOST = 32 };

struct row_change {
    const void *row; /* holds the new values */
    struct row_member given[ROW_CHANGE_MOST];
    size_t given_len;
};

/* Copies the members given into row, which is of the same type. */
void row_change_apply(const struct row_change *c, void *row);
/* Whether the member at that offset is given. */
bool row_change_has(const struct row_change *c, size_t at);
