/* postgres_hosts.c: the hosts of a URL in another order.
 *
 * libpq goes on to the next host when one refuses, but in its asynchronous way it waits for a
 * silent one until the system gives up: a server that was stopped, or whose machine is gone, would
 * keep us from the others. So an attempt whose time is over is begun anew behind that host. */

#include "store/postgres.h"

#include "base/arena.h"

#include <errno.h>
#include <libpq-fe.h>

/* NULL: the URL does not say. */
static const char *option(const PQconninfoOption *options, const char *name)
{
    for (; options->keyword; options++)
        if (strcmp(options->keyword, name) == 0)
            return options->val && options->val[0] ? options->val : NULL;
    return NULL;
}

size_t postgres_hosts(const PQconninfoOption *options)
{
    const char *list = option(options, "hostaddr");
    size_t n = 1;

    if (!list)
        list = option(options, "host");
    for (; list && *list; list++)
        n += *list == ',';
    return n;
}

/* The first `behind` elements last. One port for all hosts stays. */
static const char *turned(struct arena *a, const char *list, size_t behind)
{
    struct slice all = slice_str(list ? list : ""), front = all;

    if (behind == 0 || slice_find(all, SLICE(",")) == all.len)
        return list;
    for (size_t i = 0; i < behind; i++)
        slice_cut(&front, ',');
    struct slice back = slice_sub(all, 0, all.len - front.len - 1);
    return arena_printf(a, "%.*s,%.*s", SLICE_FMT(front), SLICE_FMT(back)).at;
}

int postgres_turn_hosts(struct arena *a, const PQconninfoOption *options, size_t behind,
                        struct postgres_hosts *ret)
{
    const char *lists[] = {option(options, "host"), option(options, "hostaddr"),
                           option(options, "port")};
    const char **to[] = {&ret->names, &ret->addresses, &ret->ports};

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        *to[i] = turned(a, lists[i], behind);
        if (lists[i] && !*to[i])
            return -ENOMEM;
    }
    return OK;
}
