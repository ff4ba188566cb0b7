/* escape.c: plain text goes 16 bytes at a time, the rest character by character. */

#include "base/escape.h"

#include "base/utf8.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Copies the plain bytes at the start of p; returns their number. */
static size_t copy_plain(char *dst, const char *p, size_t n)
{
    size_t i = 0;

#ifdef __SSE2__
    for (; n - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        /* signed: bytes from 0x80 up count as less than a space */
        __m128i odd = _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(0x20)),
                                   _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                                                _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));
        if (_mm_movemask_epi8(odd))
            break;
        _mm_storeu_si128((__m128i *)(void *)(dst + i), v);
    }
#endif
    for (; i < n && is_plain((unsigned char)p[i]); i++)
        dst[i] = p[i];
    return i;
}

/* One character that is not plain, into at most ESCAPE_MOST bytes; returns their number. */
static size_t escape_one(char out[ESCAPE_MOST], const unsigned char *p, size_t n, size_t *ret_taken)
{
    static const char hex[] = "0123456789abcdef";
    static const char brief[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    unsigned char c = p[0];

    *ret_taken = 1;
    if (c == '"' || c == '\\' || (c < 0x20 && brief[c])) {
        out[0] = '\\';
        out[1] = c < 0x20 ? brief[c] : (char)c;
        return 2;
    }
    if (c < 0x20) {
        memcpy(out, "\\u00", 4);
        out[4] = hex[c >> 4];
        out[5] = hex[c & 15];
        return 6;
    }
    size_t len = utf8_sequence(p, n);
    if (len == 0) {
        memcpy(out, "\xEF\xBF\xBD", 3);
        return 3;
    }
    memcpy(out, p, len);
    *ret_taken = len;
    return len;
}

size_t escape_json(char *dst, size_t cap, struct slice *s)
{
    size_t written = 0, i = 0;

    while (i < s->len) {
        size_t plain = copy_plain(dst + written, s->at + i, MIN(s->len - i, cap - written));
        i += plain;
        written += plain;
        if (i == s->len || written == cap)
            break;
        char out[ESCAPE_MOST];
        size_t taken, n = escape_one(out, (const unsigned char *)s->at + i, s->len - i, &taken);
        if (n > cap - written)
            break;
        memcpy(dst + written, out, n);
        written += n;
        i += taken;
    }
    *s = slice_sub(*s, i, s->len);
    return written;
}
