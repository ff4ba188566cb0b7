/* slice.h: a borrowed run of bytes. Never owns, never NUL-terminated by promise. */

#pragma once

#include "base/base.h"

#include <string.h>

struct slice {
    const char *at; /* may be NULL only when len is 0 */
    size_t len;
};

#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
#define SLICE_INIT(literal)                                                                        \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
/* for printf's "%.*s" */
#define SLICE_FMT(s) (int)(s).len, (s).at ? (s).at : ""

static inline struct slice slice_of(const char *at, size_t len)
{
    return (struct slice){at, len};
}

static inline struct slice slice_str(const char *z)
{
    return (struct slice){z, z ? strlen(z) : 0};
}

static inline bool slice_is_empty(struct slice s)
{
    return s.len == 0;
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Below, at or above 0, as a stands before, with or behind b: by bytes, the shorter one first. */
int slice_order(struct slice a, struct slice b);

/* Bytes [from, to) of s; from <= to <= s.len is the caller's promise. */
static inline struct slice slice_sub(struct slice s, size_t from, size_t to)
{
    return (struct slice){from ? s.at + from : s.at, to - from};
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.at, prefix.at, prefix.len) == 0);
}

/* ASCII letters compare without case; nothing depends on the locale. */
bool slice_eq_nocase_bytes(const char *a, const char *b, size_t n);
static inline bool slice_eq_nocase(struct slice a, struct slice b)
{
    return a.len == b.len && slice_eq_nocase_bytes(a.at, b.at, a.len);
}
/* Without leading and trailing space and tab. */
struct slice slice_trim(struct slice s);
/* Where needle first stands in s, or s.len. An empty needle is at 0. */
size_t slice_find(struct slice s, struct slice needle);
/* Cuts s at the first sep: returns what is before, leaves the rest (without sep) in *s.
 * Without a sep returns all and empties *s. */
struct slice slice_cut(struct slice *s, char sep);
/* Decimal digits only, no sign, no space. -EINVAL, -ERANGE. */
int slice_to_u64(struct slice s, uint64_t *ret);
/* Constant-time equality for secrets and hashes of equal length. */
bool slice_eq_secret(struct slice a, struct slice b);
/* FNV-1a/wy-style 64-bit hash; for maps of names that we chose, keyed once per process. */
uint64_t slice_hash(struct slice s);
/* True when every byte is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool slice_is_utf8(struct slice s);
