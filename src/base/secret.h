/* secret.h: text that must never be printed.
 *
 * A type of its own: no log field, no buf_add and no printf takes it. Whoever truly needs the bytes
 * (an adapter that writes an Authorization header, a hash) says so by calling secret_reveal, which
 * tools/check-layers allows only in the files that it lists. */

#pragma once

#include "base/slice.h"

struct secret {
    struct slice hidden;
};

static inline struct secret secret_of(struct slice s)
{
    return (struct secret){s};
}

static inline bool secret_is_empty(struct secret s)
{
    return s.hidden.len == 0;
}

static inline struct slice secret_reveal(struct secret s)
{
    return s.hidden;
}

/* Overwrites with '*' wherever the secret stands in text, whose memory is the caller's to change.
 * One so short that it may stand there by chance is no secret: nothing is done. */
void secret_blot(struct secret s, struct slice text);
/* Overwrites memory in a way the compiler keeps. */
void secret_wipe(void *at, size_t n);
/* The same for the text of a secret that its caller owns. */
void secret_forget(struct secret s);
