/* whole_body.h: the body of a request to a provider, in one piece. */

#pragma once

#include "adapter/adapter.h"

#include <stdlib.h>

static inline struct slice whole_body(struct arena *a, const struct http_message *m)
{
    size_t len = 0;

    for (size_t i = 0; i < m->body_len; i++)
        len += m->body[i].len;
    char *at = arena_alloc(a, len);
    if (!at)
        abort();
    len = 0;
    for (size_t i = 0; i < m->body_len; i++) {
        memcpy(at + len, m->body[i].at, m->body[i].len);
        len += m->body[i].len;
    }
    return slice_of(at, len);
}
