/* json_strings.c: the insides of strings: skipping, comparing, decoding. */

#include "codec/json_text.h"

#include "base/utf8.h"

/* ---- skipping ---- */

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i load(const unsigned char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

AVX2 static inline __m256i ends_in(__m256i v)
{
    __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1F)), v);
    __m256i quote = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('"'));
    __m256i backslash = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\'));

    return _mm256_or_si256(control, _mm256_or_si256(quote, backslash));
}

AVX2 static const unsigned char *skip_avx2(const unsigned char *p, const unsigned char *end,
                                           bool *high)
{
    __m256i seen = _mm256_setzero_si256();

    for (; end - p >= 128; p += 128) {
        __m256i a = load(p), b = load(p + 32), c = load(p + 64), d = load(p + 96);
        __m256i ends = _mm256_or_si256(_mm256_or_si256(ends_in(a), ends_in(b)),
                                       _mm256_or_si256(ends_in(c), ends_in(d)));
        if (!_mm256_testz_si256(ends, ends))
            break;
        seen = _mm256_or_si256(seen, _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d)));
    }
    *high |= _mm256_movemask_epi8(seen) != 0;
    return p;
}

const unsigned char *json_skip_clean(const unsigned char *p, const unsigned char *end, bool *high)
{
    return end - p >= 128 && __builtin_cpu_supports("avx2") ? skip_avx2(p, end, high) : p;
}

#else

const unsigned char *json_skip_clean(const unsigned char *p, const unsigned char *end, bool *high)
{
    (void)end;
    (void)high;
    return p;
}

#endif

const unsigned char *json_skip_on(const unsigned char *p, const unsigned char *end, bool *ret_plain)
{
    bool high = false;
    unsigned clean = 0;

    while (p < end) {
        size_t n = MIN((size_t)(end - p), (size_t)JSON_BLOCK);
        unsigned ends = json_block_ends(p, n, &high);
        if (!ends) {
            p += n;
            if (++clean == JSON_CLEAN)
                p = json_skip_clean(p, end, &high);
            continue;
        }
        clean = 0;
        p += __builtin_ctz(ends);
        if (*p == '"')
            return p + 1;
        *ret_plain &= *p != '\\';
        p += *p == '\\' ? 2 : 1;
    }
    return end;
}

size_t json_string_end(struct slice text, size_t at)
{
    const unsigned char *start = (const unsigned char *)text.at, *end = start + text.len;
    bool high = false;

    for (const unsigned char *p = start + at + 1; p < end;) {
        size_t n = MIN((size_t)(end - p), (size_t)JSON_BLOCK);
        unsigned ends = json_block_ends(p, n, &high);
        if (!ends) {
            p += n;
            continue;
        }
        p += __builtin_ctz(ends);
        if (*p == '"')
            return (size_t)(p - start) + 1;
        if (*p != '\\')
            return 0;
        p += 2;
    }
    return 0;
}

/* ---- decoding ---- */

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

unsigned json_utf16_unit(const char *p, const char *end)
{
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return 0;
    return hex_digit(p[2]) << 12 | hex_digit(p[3]) << 8 | hex_digit(p[4]) << 4 | hex_digit(p[5]);
}

size_t json_put_utf8(char out[4], unsigned c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* Decodes the "\uXXXX" at p, and the second half of a pair; returns the bytes taken. */
static size_t decode_unicode(const char *p, const char *end, char out[4], size_t *ret_len)
{
    unsigned c = json_utf16_unit(p, end), low;
    size_t taken = 6;

    if (c >= 0xD800 && c < 0xDC00 && (low = json_utf16_unit(p + 6, end)) >= 0xDC00 &&
        low < 0xE000) {
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        taken = 12;
    } else if (c >= 0xD800 && c < 0xE000) {
        c = 0xFFFD;
    }
    *ret_len = json_put_utf8(out, c);
    return taken;
}

/* Decodes the escape at p; returns the bytes taken. */
static size_t decode_escape(const char *p, const char *end, char out[4], size_t *ret_len)
{
    static const char meaning[128] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
    };

    if (p[1] == 'u')
        return decode_unicode(p, end, out, ret_len);
    out[0] = meaning[p[1] & 0x7F];
    *ret_len = 1;
    return 2;
}

/* Without the quotes. */
static struct slice inside(struct slice quoted)
{
    return slice_sub(quoted, 1, quoted.len - 1);
}

/* The run without escapes at the start of s. */
static size_t plain_run(struct slice s)
{
    const char *escape = s.len ? memchr(s.at, '\\', s.len) : NULL;

    return escape ? (size_t)(escape - s.at) : s.len;
}

size_t json_decode(struct json_value v, char *dst)
{
    struct slice s = inside(v.text);
    size_t len = 0;

    while (s.len) {
        size_t run = plain_run(s);
        if (run) {
            memcpy(dst + len, s.at, run);
            len += run;
            s = slice_sub(s, run, s.len);
            continue;
        }
        char out[4];
        size_t n, taken = decode_escape(s.at, s.at + s.len, out, &n);
        memcpy(dst + len, out, n);
        len += n;
        s = slice_sub(s, taken, s.len);
    }
    return len;
}

bool json_plain(struct json_value v, struct slice *ret)
{
    if (v.type != JSON_STRING)
        return false;
    *ret = inside(v.text);
    return plain_run(*ret) == ret->len;
}

/* True when the quoted string decodes to exactly name. */
static bool decodes_to(struct slice quoted, struct slice name)
{
    struct slice s = inside(quoted);

    while (s.len) {
        size_t n = plain_run(s), taken = n;
        char out[4];
        const char *piece = s.at;
        if (n == 0) {
            /* an escape that nobody validated may be cut short */
            taken = MIN(decode_escape(s.at, s.at + s.len, out, &n), s.len);
            piece = out;
        }
        if (!slice_starts(name, slice_of(piece, n)))
            return false;
        name = slice_sub(name, n, name.len);
        s = slice_sub(s, taken, s.len);
    }
    return name.len == 0;
}

bool json_string_eq(struct json_value v, struct slice s)
{
    return v.type == JSON_STRING && decodes_to(v.text, s);
}

/* ---- wanted members ---- */

struct json_wanted json_wanted_of(const struct json_member *members, size_t n)
{
    struct json_wanted w = {members, n, 0};

    for (size_t i = 0; i < n; i++)
        w.lengths |= 1ull << (members[i].name.len & 63);
    return w;
}

int json_wanted_search(const struct json_wanted *w, struct slice name, bool plain)
{
    struct slice raw = inside(name);

    for (size_t i = 0; i < w->n; i++)
        if (plain ? slice_eq(raw, w->members[i].name) : decodes_to(name, w->members[i].name))
            return (int)i;
    return -1;
}
