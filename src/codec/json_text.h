/* json_text.h: what the validating scan and the trusting walk share. Private to json.
 *
 * Positions are pointers into the text; every function stays below end. */

#pragma once

#include "codec/json.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline bool json_is_space(unsigned char c)
{
    return UNLIKELY(c <= ' ') && (c == ' ' || c == '\n' || c == '\r' || c == '\t');
}

static inline const unsigned char *json_skip_space(const unsigned char *p, const unsigned char *end)
{
    while (p < end && json_is_space(*p))
        p++;
    return p;
}

/* From behind a value or an opening bracket to what follows it but for a comma: the next name or
 * value, or a closing bracket. */
static inline const unsigned char *json_skip_comma(const unsigned char *p, const unsigned char *end)
{
    p = json_skip_space(p, end);
    return p < end && *p == ',' ? json_skip_space(p + 1, end) : p;
}

static inline struct slice json_between(const unsigned char *from, const unsigned char *to)
{
    return slice_of((const char *)from, (size_t)(to - from));
}

/* Behind the value that begins at p < end; NULL when it is a container that does not end. */
const unsigned char *json_skip_value(const unsigned char *p, const unsigned char *end);

/* Strings are read in blocks of at most JSON_BLOCK bytes. After JSON_CLEAN blocks in which nothing
 * ended the plain text it is worth to ask json_skip_clean for more of them at once. */
enum { JSON_BLOCK = 16, JSON_CLEAN = 4 };

#ifdef __SSE2__
static inline unsigned json_ends_in(__m128i v)
{
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1F)), v);
    __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash)));
}
#endif

/* Bit i is set when byte i of the n at p ends plain text: a quote, a backslash or a control. *high
 * is set when there is a byte ≥ 0x80. */
static inline unsigned json_block_ends(const unsigned char *p, size_t n, bool *high)
{
#ifdef __SSE2__
    __m128i v = _mm_set1_epi8(' ');

    if (n == JSON_BLOCK)
        v = _mm_loadu_si128((const __m128i *)(const void *)p);
    else
        memcpy(&v, p, n);
    *high |= _mm_movemask_epi8(v) != 0;
    return json_ends_in(v);
#else
    unsigned ends = 0;

    for (size_t i = 0; i < n; i++) {
        *high |= p[i] >= 0x80;
        ends |= (unsigned)(p[i] == '"' || p[i] == '\\' || p[i] < 0x20) << i;
    }
    return ends;
#endif
}

/* Skips long runs of plain text with AVX2: what ends it follows soon, or the text does. Without
 * AVX2 skips nothing. */
const unsigned char *json_skip_clean(const unsigned char *p, const unsigned char *end, bool *high);

/* The rest of json_skip_name: p stands within the string. */
const unsigned char *json_skip_on(const unsigned char *p, const unsigned char *end,
                                  bool *ret_plain);

/* Behind the closing quote of the string that begins at p (its opening quote); the text's end when
 * there is none. *ret_plain: no backslash is in it. Most strings are short: one block tells. */
static inline const unsigned char *json_skip_name(const unsigned char *p, const unsigned char *end,
                                                  bool *ret_plain)
{
    bool high = false;

    p++;
    *ret_plain = true;
    if (LIKELY(end - p >= JSON_BLOCK)) {
        unsigned ends = json_block_ends(p, JSON_BLOCK, &high);
        p += ends ? __builtin_ctz(ends) : JSON_BLOCK;
        if (LIKELY(ends && *p == '"'))
            return p + 1;
    }
    return json_skip_on(p, end, ret_plain);
}

static inline const unsigned char *json_skip_string(const unsigned char *p,
                                                    const unsigned char *end)
{
    bool plain;

    return json_skip_name(p, end, &plain);
}

/* By the first byte of a valid value. */
static inline enum json_type json_type_of(unsigned char first)
{
    switch (first) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
    case 'f':
        return JSON_BOOL;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

/* The unit of "\uXXXX" at p, or 0 when there is none: 0 is no surrogate, which is all that is asked
 * of a second unit. */
unsigned json_utf16_unit(const char *p, const char *end);
/* The bytes of the character c; returns how many. */
size_t json_put_utf8(char out[4], unsigned c);

/* The members that are asked for. */
struct json_wanted {
    const struct json_member *members;
    size_t n;
    uint64_t lengths; /* bit (length mod 64) of each name: most others are passed by it */
};

struct json_wanted json_wanted_of(const struct json_member *members, size_t n);
/* json_wanted_find for a name whose length does not rule it out. */
int json_wanted_search(const struct json_wanted *w, struct slice name, bool plain);

/* Index of the member whose name decodes to the string (with its quotes), or -1. plain: no
 * backslash is in it. */
static inline int json_wanted_find(const struct json_wanted *w, struct slice name, bool plain)
{
    bool ruled_out = plain && !(w->lengths >> ((name.len - 2) & 63) & 1);

    return ruled_out ? -1 : json_wanted_search(w, name, plain);
}
