/* page_wish.h: which part of a list is wanted. */

#pragma once

#include "base/slice.h"

enum { PAGE_FILTERS = 10, PAGE_ROWS_MOST = 1000 };

/* A list has an order by a key that never changes (an id, a name); a page begins behind a key, so
 * that rows that come or go elsewhere move nothing. */
struct page_wish {
    struct slice after;                /* the key of the last row seen; empty: from the beginning */
    size_t limit;                      /* rows, 1 to PAGE_ROWS_MOST */
    struct slice filter[PAGE_FILTERS]; /* each as its list defines it; empty: any */
    uint64_t now_wall_us;              /* by which a row has expired or not */
    uint64_t search_ms;                /* how long a log is looked through for it; 0: as usual */
};
