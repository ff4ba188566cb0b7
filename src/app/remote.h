/* remote.h: a running gateway's admin API as the commands of the shell see it.
 *
 * Where it is comes from --url or COURIER_URL, the key from COURIER_ADMIN_KEY: never from the
 * command line, which every user of the machine can read. Blocking. */

#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "http/fetcher.h"

struct remote;

/* Whether the shell is to speak to a gateway: --url was given (not NULL), or COURIER_URL is set. */
bool remote_is_wanted(const char *url);
/* False: told what is missing or wrong. */
bool remote_open(const char *url, struct remote **ret);
void remote_close(struct remote *r);

struct remote_ask {
    struct slice method, target; /* "GET", "/admin/v1/users?limit=5" */
    struct slice body;           /* JSON; may be empty */
    /* Where a good answer goes piece by piece; NULL: it is gathered. */
    int (*take)(void *arg, struct slice bytes);
    void *arg;
};

/* EXIT_GOOD: *ret_body (may be NULL) is the body of a good answer, in the arena, valid JSON unless
 * it is empty or was handed on. Else the exit code; what happened was told. */
int remote_send(struct remote *r, const struct remote_ask *ask, struct arena *a,
                struct slice *ret_body);

/* What came over the network and goes to a terminal: control characters (base/utf8.h) become
 * '?', in place, so that a name cannot move the cursor, nor turn what stands beside it. */
void remote_tame(char *at, size_t n);

/* Adds text to a path or query, percent-encoded but for the unreserved (RFC 3986, 2.3). */
void remote_encode(struct buf *b, struct slice text);
