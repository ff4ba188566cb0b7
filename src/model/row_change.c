/* row_change.c: see row_change.h. */

#include "model/row_change.h"

#include <string.h>

void row_change_apply(const struct row_change *c, void *row)
{
    for (size_t i = 0; i < c->given_len; i++)
        memcpy((char *)row + c->given[i].at, (const char *)c->row + c->given[i].at,
               c->given[i].size);
}

bool row_change_has(const struct row_change *c, size_t at)
{
    for (size_t i = 0; i < c->given_len; i++)
        if (c->given[i].at == at)
            return true;
    return false;
}
