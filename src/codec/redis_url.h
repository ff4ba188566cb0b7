/* redis_url.h: redis://[user[:password]@]host[:port][/db], and rediss:// for TLS, as in the IANA's
 * registration of the scheme: "redis://:password@host" gives a password alone. */

#pragma once

#include "base/secret.h"

struct redis_url {
    bool tls;
    bool has_user, has_password;
    struct slice user;      /* as written: percent-encoded */
    struct secret password; /* the same */
    struct slice host;      /* without brackets for IPv6 */
    uint16_t port;          /* given, else 6379 */
    unsigned db;
};

/* Borrows from text. -EINVAL: *ret_why (may be NULL) then says what is allowed. */
int redis_url_parse(struct secret text, struct redis_url *ret, const char **ret_why);
/* Decodes %XX in place of ret, which has room for as many bytes as text has; returns how many it
 * took. text is a user or password that redis_url_parse has passed. */
size_t redis_url_decode(char *ret, struct slice text);
