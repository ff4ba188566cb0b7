/* utf8.h: strict UTF-8 (RFC 3629: no surrogates, no overlong forms). */

#pragma once

#include "base/slice.h"

static inline bool utf8_is_tail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* Length (1..4) of the well-formed sequence at p, of which n > 0 bytes are there; 0: ill-formed or
 * cut short. */
static inline size_t utf8_sequence(const unsigned char *p, size_t n)
{
    unsigned char c = p[0];

    if (c < 0x80)
        return 1;
    if (c < 0xC2 || c > 0xF4 || n < 2)
        return 0;
    if (c < 0xE0)
        return utf8_is_tail(p[1]) ? 2 : 0;
    if (c < 0xF0) {
        unsigned char low = c == 0xE0 ? 0xA0 : 0x80, high = c == 0xED ? 0x9F : 0xBF;
        return n >= 3 && p[1] >= low && p[1] <= high && utf8_is_tail(p[2]) ? 3 : 0;
    }
    unsigned char low = c == 0xF0 ? 0x90 : 0x80, high = c == 0xF4 ? 0x8F : 0xBF;
    return n >= 4 && p[1] >= low && p[1] <= high && utf8_is_tail(p[2]) && utf8_is_tail(p[3]) ? 4
                                                                                             : 0;
}

/* How many bytes at p, of n > 0, are a character that changes how the text around it is shown: C0,
 * DEL, C1 (ECMA-48; UTF-8 writes it as C2 80 to C2 9F), ends of lines and paragraphs and what turns
 * the direction of writing (U+2028 to U+202E, U+2066 to U+2069). 0: it is none. */
static inline size_t utf8_control(const unsigned char *p, size_t n)
{
    if (p[0] < ' ' || p[0] == 0x7F)
        return 1;
    if (p[0] == 0xC2 && n >= 2 && p[1] >= 0x80 && p[1] < 0xA0)
        return 2;
    if (p[0] != 0xE2 || n < 3)
        return 0;
    return (p[1] == 0x80 && p[2] >= 0xA8 && p[2] <= 0xAE) ||
                   (p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9)
               ? 3
               : 0;
}

/* Offset of the first ill-formed or cut sequence; s.len when there is none. */
size_t utf8_first_bad(struct slice s);
