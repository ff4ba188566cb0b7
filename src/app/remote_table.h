/* remote_table.h: objects of the admin API as aligned columns for people. */

#pragma once

#include "base/arena.h"
#include "codec/json.h"

struct remote_column {
    const char *member; /* NULL: end of the list */
    const char *title;
};

enum { REMOTE_COLUMNS = 16 };

/* Widths that are kept over the pages of one list: columns do not jump. Zeroed at first. */
struct remote_table {
    const struct remote_column *columns; /* at most REMOTE_COLUMNS */
    size_t widths[REMOTE_COLUMNS];
    bool begun; /* the titles are out */
};

/* Prints each object of the array (valid JSON) as a line. -ENOMEM. */
int remote_table_print(struct remote_table *t, struct slice array, struct arena *a);
/* One object as "member  value" lines: all of its members, in their order. -ENOMEM. */
int remote_table_print_object(struct slice object, struct arena *a);
