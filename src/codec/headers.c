/* headers.c: HTTP header fields as a list of slices. */

#include "codec/headers.h"

#include <errno.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

/* ---- what may stand in a head: sixteen bytes at a time, every head is checked on its way out ----
 *
 * Odd are controls; in a value but for the tab, in a name also the space and the colon. */

#ifdef __SSE2__

static inline bool block_is_odd(__m128i v, bool name)
{
    __m128i low = _mm_set1_epi8(name ? ' ' : 0x1F);
    __m128i odd = _mm_cmpeq_epi8(_mm_min_epu8(v, low), v);
    __m128i special = _mm_cmpeq_epi8(v, _mm_set1_epi8(name ? ':' : '\t'));

    odd = name ? _mm_or_si128(odd, special) : _mm_andnot_si128(special, odd);
    odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7F)));
    return _mm_movemask_epi8(odd) != 0;
}

static inline bool is_odd(struct slice s, bool name)
{
    __m128i rest = _mm_set1_epi8('x');

    for (; s.len >= sizeof(rest); s = slice_sub(s, sizeof(rest), s.len))
        if (block_is_odd(_mm_loadu_si128((const __m128i *)(const void *)s.at), name))
            return true;
    if (s.len)
        memcpy(&rest, s.at, s.len);
    return block_is_odd(rest, name);
}

#else

static inline bool is_odd(struct slice s, bool name)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (name ? c <= ' ' || c == ':' || c == 0x7F : (c < ' ' && c != '\t') || c == 0x7F)
            return true;
    }
    return false;
}

#endif

bool header_value_is_safe(struct slice value)
{
    return !is_odd(value, false);
}

bool header_name_is_safe(struct slice name)
{
    return name.len > 0 && !is_odd(name, true);
}
