/* fetcher.h: asks an HTTP server and waits for the answer: for commands and threads of the yard.
 *
 * Blocking, on a loop of its own; never on a worker. One thread uses a fetcher at a time; its
 * connection is kept for the next question. */

#pragma once

#include "base/arena.h"
#include "codec/headers.h"
#include "codec/url.h"

struct fetcher;

/* ca_file: as for tls_client_new. -EINVAL: no certificate in it. -ENOMEM. */
int fetcher_new(const char *ca_file, struct fetcher **ret);
/* NULL is harmless. */
void fetcher_free(struct fetcher *f);

struct fetch {
    const struct url *url;        /* where the server is; its path is not looked at */
    struct slice method, target;  /* "GET", "/path?query" */
    const struct header *headers; /* host and content-length are added */
    size_t headers_len;
    struct slice body;   /* may be empty */
    uint64_t silence_ms; /* the longest wait for the next sign of life: -ETIMEDOUT */
    size_t body_most;    /* bytes of an answer that is gathered; more: -EMSGSIZE */
    /* Where the body of a good answer (2xx) goes, piece by piece; NULL: it is gathered. Negative:
     * give up with that. */
    int (*take)(void *arg, struct slice bytes);
    void *arg;
};

struct fetched {
    int status;
    struct headers headers;
    struct slice body; /* as far as it was gathered */
};

/* OK: there is an answer, whatever its status; all in the arena. Else -errno as of client_events:
 * there is none, or it broke off. */
int fetcher_ask(struct fetcher *f, const struct fetch *ask, struct arena *a, struct fetched *ret);
