/* seal.h: providers' keys at rest: AES-256-GCM under a key derived from the secret_key, bound to
 * the row that it belongs to, so that a sealed key moved to another row does not open. Private to
 * the services. */

#pragma once

#include "base/arena.h"
#include "base/secret.h"

enum { SEAL_KEY_LEN = 32 };

struct seal {
    unsigned char key[SEAL_KEY_LEN];
};

/* The row that a key belongs to. */
struct seal_row {
    const char *kind; /* "provider", "model" or "target" */
    struct slice name;
    size_t place; /* of a model's targets, from 1; 0: not one of several */
};

int seal_init(struct seal *s, struct secret secret_key);
void seal_wipe(struct seal *s);
/* An empty key gives an empty slice. In the arena. */
int seal_key(const struct seal *s, struct seal_row row, struct secret key, struct arena *a,
             struct slice *ret);
/* -EBADMSG: sealed under another secret_key, or for another row. */
int seal_open_key(const struct seal *s, struct seal_row row, struct slice sealed, struct arena *a,
                  struct secret *ret);
