/* principal.c: what a key may do. */

#include "model/principal.h"

/* A list of nothing but commas allows nothing: the empty name that stands there is no model's. */
bool principal_may_use(const struct principal *p, struct slice model)
{
    struct slice list = p->models;

    if (slice_is_empty(list))
        return true;
    while (list.len)
        if (slice_eq(slice_trim(slice_cut(&list, ',')), model))
            return true;
    return false;
}
