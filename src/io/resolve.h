/* resolve.h: host name → addresses, in the yard; an address literal is answered at once. */

#pragma once

#include "base/slice.h"
#include "io/loop.h"

#include <netinet/in.h>

enum { RESOLVE_MAX = 8 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct resolve {
    struct op op; /* done(op, rc): OK, -EHOSTUNREACH (no such host), -EAGAIN (try later) */
    union address addresses[RESOLVE_MAX];
    size_t len;
    void *handle; /* private */
};

/* OK (literal), AGAIN, -ENOMEM. host is copied. */
int resolve_start(struct loop *loop, struct resolve *r, struct slice host, uint16_t port);
/* After it returns done does not come and *r may go. */
void resolve_cancel(struct resolve *r);
