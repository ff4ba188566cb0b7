/* key_limits.c: see key_limits.h. */

#include "model/key_limits.h"

#include "base/fmt.h"

enum { LIMIT_BYTES = 64 }; /* three numbers, slashes and a comma */

bool key_limits_next(struct slice *list, struct key_limit *ret)
{
    if (slice_is_empty(*list))
        return false;
    struct slice rest = slice_cut(list, ',');
    int rc = slice_to_u64(slice_cut(&rest, '/'), &ret->rpm);

    if (rc == OK)
        rc = slice_to_u64(slice_cut(&rest, '/'), &ret->tpm);
    if (rc == OK)
        rc = slice_to_u64(slice_cut(&rest, '/'), &ret->concurrency);
    ret->model = rest;
    return rc == OK && rest.len;
}

static char *put(char *at, struct slice s)
{
    memcpy(at, s.at, s.len);
    return at + s.len;
}

static char *put_number(char *at, uint64_t n)
{
    at += fmt_u64(at, n);
    *at++ = '/';
    return at;
}

struct slice key_limits_text(const struct key_limit *limits, size_t n, struct arena *a)
{
    size_t most = 1;

    for (size_t i = 0; i < n; i++)
        most += LIMIT_BYTES + limits[i].model.len;
    char *text = arena_alloc(a, most), *at = text;
    if (!text)
        return (struct slice){0};
    for (size_t i = 0; i < n; i++) {
        if (i)
            *at++ = ',';
        at = put_number(at, limits[i].rpm);
        at = put_number(at, limits[i].tpm);
        at = put(put_number(at, limits[i].concurrency), limits[i].model);
    }
    return slice_of(text, (size_t)(at - text));
}

bool key_limits_find(struct slice list, struct slice model, struct key_limit *ret)
{
    while (key_limits_next(&list, ret))
        if (slice_eq(ret->model, model))
            return true;
    return false;
}

static uint64_t fnv(uint64_t hash, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ (unsigned char)bytes.at[i]) * 0x100000001b3;
    return hash;
}

int64_t key_limits_id(int64_t key_id, struct slice model)
{
    const uint64_t above = (uint64_t)1 << 62; /* where no database counts */
    uint64_t hash = fnv(0xcbf29ce484222325, slice_of((const char *)&key_id, sizeof(key_id)));

    return (int64_t)(above | (fnv(hash, model) & (above - 1)));
}
