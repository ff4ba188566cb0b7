/* principal.c: what a key may do. */

#include "model/principal.h"

bool principal_may_use(const struct principal *p, struct slice model)
{
    for (size_t i = 0; i < p->models_len; i++)
        if (slice_eq(p->models[i], model))
            return true;
    return p->models_len == 0;
}
