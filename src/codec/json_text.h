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
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline const unsigned char *json_skip_space(const unsigned char *p, const unsigned char *end)
{
    while (p < end && json_is_space(*p))
        p++;
    return p;
}

/* First of " \ and controls from p on, or end; *high is set when a byte ≥ 0x80 was skipped. For
 * long texts: AVX2 where the machine has it. */
const unsigned char *json_skip_long(const unsigned char *p, const unsigned char *end, bool *high);

/* The same, quick for the short names and values that most strings are. */
static inline const unsigned char *json_skip_text(const unsigned char *p, const unsigned char *end,
                                                  bool *high)
{
#ifdef __SSE2__
    if (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1F)), v);
        __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                                    _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(control, ends));
        unsigned highs = (unsigned)_mm_movemask_epi8(v);
        if (mask) {
            *high |= (highs & (mask ^ (mask - 1))) != 0;
            return p + __builtin_ctz(mask);
        }
        *high |= highs != 0;
        p += 16;
    }
#endif
    return json_skip_long(p, end, high);
}

/* Behind the closing quote of a valid string that begins at p (its opening quote). */
const unsigned char *json_skip_string(const unsigned char *p, const unsigned char *end);

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

/* The members that are asked for. */
struct json_wanted {
    const struct json_member *members;
    size_t n;
    uint64_t lengths; /* bit (length mod 64) of each name: most others are passed by it */
};

struct json_wanted json_wanted_of(const struct json_member *members, size_t n);
/* Index of the member whose name decodes to the string (with its quotes), or -1. */
int json_wanted_find(const struct json_wanted *w, struct slice name);
