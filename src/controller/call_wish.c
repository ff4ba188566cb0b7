/* call_wish.c: see call_wish.h. */

#include "controller/call_wish.h"

#include "service/cache.h"
#include "web/exchange.h"
#include "wire/call_identity.h"

/* The directives of one field. */
static void read_directives(struct slice value, struct cache_wish *ret)
{
    while (value.len > 0) {
        struct slice directive = slice_trim(slice_cut(&value, ','));
        bool no_store = slice_eq_nocase(directive, SLICE("no-store"));
        if (no_store || slice_eq_nocase(directive, SLICE("no-cache")))
            ret->look = false;
        if (no_store)
            ret->keep = false;
    }
}

int call_wish(void *caller, struct cache_wish *ret)
{
    const struct exchange *x = caller;
    const struct headers *h = &x->request->headers;

    *ret = (struct cache_wish){.look = true, .keep = true};
    for (size_t i = 0; i < h->len; i++)
        if (slice_eq_nocase(h->at[i].name, SLICE("cache-control")))
            read_directives(h->at[i].value, ret);
    if (!ret->look && !ret->keep)
        return OK;
    return call_identity(x->call, x->early, &ret->identity);
}
