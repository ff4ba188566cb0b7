/* headers.c: HTTP header fields as a list of slices. */

#include "codec/headers.h"

#include <errno.h>

const struct slice *headers_find(const struct headers *h, struct slice name)
{
    for (size_t i = 0; i < h->len; i++) {
        if (slice_eq_nocase(h->at[i].name, name))
            return &h->at[i].value;
    }
    return NULL;
}

struct slice headers_get(const struct headers *h, struct slice name)
{
    const struct slice *value = headers_find(h, name);

    return value ? *value : (struct slice){0};
}

size_t headers_count(const struct headers *h, struct slice name)
{
    size_t n = 0;

    for (size_t i = 0; i < h->len; i++)
        n += slice_eq_nocase(h->at[i].name, name);
    return n;
}

static int headers_grow(struct headers *h, struct arena *a)
{
    size_t cap = h->cap ? MIN(h->cap * 2, (size_t)HEADERS_MAX) : 16;
    struct header *at = arena_alloc(a, cap * sizeof(*at));

    if (!at)
        return -ENOMEM;
    if (h->len)
        memcpy(at, h->at, h->len * sizeof(*at));
    h->at = at;
    h->cap = cap;
    return OK;
}

int headers_add(struct headers *h, struct arena *a, struct slice name, struct slice value)
{
    if (h->len >= HEADERS_MAX)
        return -E2BIG;
    if (h->len == h->cap) {
        int rc = headers_grow(h, a);
        if (rc < 0)
            return rc;
    }
    h->at[h->len++] = (struct header){name, value};
    return OK;
}

bool header_value_is_safe(struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}
