/* listen.c: see listen.h. */

#include "app/listen.h"

static size_t colon_at(struct slice listen)
{
    size_t at = listen.len;

    while (at > 0 && listen.at[at - 1] != ':')
        at--;
    return at ? at - 1 : 0;
}

struct slice listen_host(struct slice listen)
{
    return slice_sub(listen, 0, colon_at(listen));
}

struct slice listen_host_here(struct slice listen)
{
    struct slice host = listen_host(listen);

    if (host.len == 0 || slice_eq(host, SLICE("0.0.0.0")) || slice_eq(host, SLICE("[::]")))
        return SLICE("127.0.0.1");
    return host;
}

struct slice listen_port(struct slice listen)
{
    return slice_sub(listen, MIN(colon_at(listen) + 1, listen.len), listen.len);
}

struct slice listen_with_port(struct arena *a, struct slice listen, const char *port)
{
    return arena_printf(a, "%.*s:%s", SLICE_FMT(listen_host(listen)), port);
}
