/* url.h: the absolute http and https URLs of providers. */

#pragma once

#include "base/arena.h"

struct url {
    bool tls;               /* https */
    struct slice host;      /* without brackets for IPv6 */
    uint16_t port;          /* given, else 80 or 443 */
    struct slice path;      /* begins with '/', or empty; no trailing '/' */
    struct slice query;     /* without its '?', or empty */
    struct slice authority; /* host[:port] as it belongs into the Host header */
};

/* Borrows from text. -EINVAL: not http(s)://host[:port][/path][?query], has user info or a
 * fragment, controls or spaces; *ret_why (may be NULL) then goes on after "it …", else it
 * is NULL. */
int url_parse(struct slice text, struct url *ret, const char **ret_why);

/* Takes a host or [IPv6] off an authority without user info; what is left of *rest is empty or
 * begins with ':'. False: it is neither a name nor an address. */
bool url_take_host(struct slice *rest, struct slice *ret_host);

/* Percent-encoding undone (RFC 3986 section 2.1); the result borrows from s when there is none,
 * else it is in the arena. plus: + is a space, as in queries. .at NULL: ill-formed, or out of
 * memory. */
struct slice url_decode(struct slice s, bool plus, struct arena *a);
/* As a part of a path: percent-encoded but for unreserved characters and "/:@". .at NULL: out of
 * memory. */
struct slice url_encode_path(struct slice s, struct arena *a);
