/* postgres_hosts.c: the hosts of a URL: at which addresses, and in which order.
 *
 * libpq goes on to the next host when one refuses, but in its asynchronous way it waits for a
 * silent one until the system gives up: a server that was stopped, or whose machine is gone, would
 * keep us from the others. So an attempt whose time is over is begun anew behind that host. And it
 * looks names up as long as the resolver likes: so it gets addresses, with the names for the
 * certificates. */

#include "store/postgres.h"

#include "base/clock.h"
#include "io/lookup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>

enum { LOOKUP_MS = 2000 };

/* NULL: the URL does not say. */
static const char *option(const PQconninfoOption *options, const char *name)
{
    for (; options->keyword; options++)
        if (strcmp(options->keyword, name) == 0)
            return options->val && options->val[0] ? options->val : NULL;
    return NULL;
}

static size_t length_of(const char *list)
{
    size_t n = list != NULL;

    for (; list && *list; list++)
        n += *list == ',';
    return n;
}

/* Element i; of a list of one, that one. */
static struct slice element(const char *list, size_t i)
{
    struct slice rest = slice_str(list ? list : ""), found = slice_cut(&rest, ',');

    if (length_of(list) == 1)
        return found;
    while (i-- > 0)
        found = slice_cut(&rest, ',');
    return found;
}

/* --- addresses --- */

static bool is_literal(const char *name)
{
    unsigned char address[16];

    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static int tell_unknown(struct postgres_db *pg, const char *name, int rc)
{
    char words[DB_WHY];

    snprintf(words, sizeof(words), "could not translate host name \"%.100s\" to address: %s", name,
             rc == -EHOSTUNREACH ? "there is no such host" : "the resolver does not answer");
    postgres_set_error(pg, words);
    return rc == -ENOMEM ? rc : rc == -ETIMEDOUT ? rc : -ECONNREFUSED;
}

/* The host at each of the addresses that its name has. */
static int add_looked_up(struct postgres_db *pg, struct arena *a, struct postgres_host host,
                         uint64_t deadline_ms, struct postgres_hosts *to)
{
    uint64_t now = clock_now_ms();
    struct slice name = arena_copy(a, host.name);
    struct lookup found;

    if (!name.at)
        return -ENOMEM;
    if (is_literal(name.at)) {
        to->at[to->len++] = host;
        return OK;
    }
    int rc = lookup_host(name.at, deadline_ms > now ? deadline_ms - now : 0, &found);
    if (rc < 0)
        return tell_unknown(pg, name.at, rc);
    for (size_t i = 0; i < found.len; i++) {
        host.address = arena_copy(a, slice_str(found.addresses[i]));
        if (!host.address.at)
            return -ENOMEM;
        to->at[to->len++] = host;
    }
    return OK;
}

/* A folder of sockets, or a host whose address is given, needs no lookup. */
static bool has_name_only(const struct postgres_host *h)
{
    return h->address.len == 0 && h->name.len > 0 && h->name.at[0] != '/' && h->name.at[0] != '@';
}

int postgres_find_hosts(struct postgres_db *pg, struct arena *a, const PQconninfoOption *options,
                        struct postgres_hosts *ret)
{
    const char *names = option(options, "host"), *addresses = option(options, "hostaddr");
    const char *ports = option(options, "port");
    size_t n = MAX(length_of(names), length_of(addresses));
    uint64_t deadline = clock_now_ms() + LOOKUP_MS;
    int failed = OK;

    *ret =
        (struct postgres_hosts){arena_new_array(a, struct postgres_host, n * LOOKUP_ADDRESSES), 0};
    if (!ret->at)
        return -ENOMEM;
    if ((names && addresses && length_of(names) != length_of(addresses)) ||
        (length_of(ports) > 1 && length_of(ports) != n))
        return OK; /* for libpq to refuse */
    for (size_t i = 0; failed != -ENOMEM && i < n; i++) {
        struct postgres_host host = {element(names, i), element(addresses, i), element(ports, i)};
        int rc = OK;
        if (has_name_only(&host))
            rc = add_looked_up(pg, a, host, deadline, ret);
        else
            ret->at[ret->len++] = host;
        failed = rc < 0 ? rc : failed;
    }
    return failed == -ENOMEM || ret->len == 0 ? failed : OK;
}

/* --- order --- */

/* Of each host, from `behind` on and then those before, what is at that place of struct
 * postgres_host. *ret NULL: no host has it. */
static int join(struct arena *a, const struct postgres_hosts *hosts, size_t behind, size_t place,
                const char **ret)
{
    struct slice list = {0};
    bool any = false;

    for (size_t i = 0; i < hosts->len; i++) {
        struct slice one;
        const char *host = (const char *)&hosts->at[(i + behind) % hosts->len];
        memcpy(&one, host + place, sizeof(one));
        any |= one.len > 0;
        list = arena_printf(a, "%.*s%s%.*s", SLICE_FMT(list), i ? "," : "", SLICE_FMT(one));
        if (!list.at)
            return -ENOMEM;
    }
    *ret = any ? list.at : NULL;
    return OK;
}

int postgres_list_hosts(struct arena *a, const struct postgres_hosts *hosts, size_t behind,
                        struct postgres_lists *ret)
{
    int rc = join(a, hosts, behind, offsetof(struct postgres_host, name), &ret->names);

    if (rc == OK)
        rc = join(a, hosts, behind, offsetof(struct postgres_host, address), &ret->addresses);
    return rc < 0 ? rc : join(a, hosts, behind, offsetof(struct postgres_host, port), &ret->ports);
}
