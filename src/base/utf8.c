/* utf8.c: UTF-8 checked 32 bytes at a time where the machine has AVX2.
 *
 * The vector road is the "lookup" algorithm of J. Keiser and D. Lemire, "Validating UTF-8 in less
 * than one instruction per byte" (2020): three table look-ups by the halves of each byte and the
 * one before it give the errors that two bytes can show; what is left is to check that third and
 * fourth bytes stand where a long sequence needs them. */

#include "base/utf8.h"

/* Offset of the first ill-formed sequence from i on, or n. */
static size_t first_bad_plain(const unsigned char *p, size_t n, size_t i)
{
    while (i < n) {
        uint64_t w[2];
        if (n - i >= sizeof(w)) {
            memcpy(w, p + i, sizeof(w));
            if (((w[0] | w[1]) & 0x8080808080808080u) == 0) {
                i += sizeof(w);
                continue;
            }
        }
        size_t step = utf8_sequence(p + i, n - i);
        if (step == 0)
            return i;
        i += step;
    }
    return n;
}

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

enum {
    TOO_SHORT = 1 << 0,      /* 11______ 0_______ and 11______ 11______ */
    TOO_LONG = 1 << 1,       /* 0_______ 10______ */
    OVERLONG_3 = 1 << 2,     /* 11100000 100_____ */
    TOO_LARGE = 1 << 3,      /* 11110100 1001____ and above */
    SURROGATE = 1 << 4,      /* 11101101 101_____ */
    OVERLONG_2 = 1 << 5,     /* 1100000_ 10______ */
    TOO_LARGE_1000 = 1 << 6, /* 11110101 1000____ and above */
    OVERLONG_4 = 1 << 6,     /* 11110000 1000____ */
    TWO_TAILS = 1 << 7,      /* 10______ 10______ */
    CARRY = TOO_SHORT | TOO_LONG | TWO_TAILS,
    LARGE = CARRY | TOO_LARGE | TOO_LARGE_1000,
    TAIL = TOO_LONG | OVERLONG_2 | TWO_TAILS,
};

/* a table of 16 for both halves of a vector */
#define TABLE(...)                                                                                 \
    {                                                                                              \
        __VA_ARGS__, __VA_ARGS__                                                                   \
    }

static const _Alignas(32) uint8_t first_high[32] =
    TABLE(TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TWO_TAILS,
          TWO_TAILS, TWO_TAILS, TWO_TAILS, TOO_SHORT | OVERLONG_2, TOO_SHORT,
          TOO_SHORT | OVERLONG_3 | SURROGATE, TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4);
static const _Alignas(32) uint8_t first_low[32] = TABLE(CARRY | OVERLONG_3 | OVERLONG_2 |
                                                            OVERLONG_4,
                                                        CARRY | OVERLONG_2, CARRY, CARRY,
                                                        CARRY | TOO_LARGE, LARGE, LARGE, LARGE,
                                                        LARGE, LARGE, LARGE, LARGE, LARGE,
                                                        LARGE | SURROGATE, LARGE, LARGE);
static const _Alignas(32) uint8_t second_high[32] =
    TABLE(TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
          TAIL | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4, TAIL | OVERLONG_3 | TOO_LARGE,
          TAIL | SURROGATE | TOO_LARGE, TAIL | SURROGATE | TOO_LARGE, TOO_SHORT, TOO_SHORT,
          TOO_SHORT, TOO_SHORT);

AVX2 static __m256i look_up(const uint8_t table[32], __m256i nibbles)
{
    return _mm256_shuffle_epi8(_mm256_load_si256((const __m256i *)(const void *)table), nibbles);
}

AVX2 static __m256i high_nibbles(__m256i v)
{
    return _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(0x0F));
}

/* Non-zero where the block, which follows the block before, is wrong. */
AVX2 static __m256i block_errors(__m256i v, __m256i before)
{
    __m256i seam = _mm256_permute2x128_si256(before, v, 0x21);
    __m256i one = _mm256_alignr_epi8(v, seam, 15), two = _mm256_alignr_epi8(v, seam, 14);
    __m256i three = _mm256_alignr_epi8(v, seam, 13);
    __m256i pairs = _mm256_and_si256(
        _mm256_and_si256(look_up(first_high, high_nibbles(one)),
                         look_up(first_low, _mm256_and_si256(one, _mm256_set1_epi8(0x0F)))),
        look_up(second_high, high_nibbles(v)));
    __m256i third = _mm256_subs_epu8(two, _mm256_set1_epi8((char)(0xE0 - 0x80)));
    __m256i fourth = _mm256_subs_epu8(three, _mm256_set1_epi8((char)(0xF0 - 0x80)));
    __m256i must = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));

    return _mm256_xor_si256(must, pairs);
}

/* Goes on to the end even when a block was wrong: that is rare, and found again by the caller. */
AVX2 static bool is_utf8_avx2(const unsigned char *p, size_t n)
{
    __m256i before = _mm256_setzero_si256(), errors = before;
    size_t i = 0;

    for (; n - i >= 32; i += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + i));
        if (_mm256_movemask_epi8(_mm256_or_si256(v, before)))
            errors = _mm256_or_si256(errors, block_errors(v, before));
        before = v;
    }
    unsigned char last[32] = {0}; /* its zeros also end a sequence that is cut short */
    if (n > i)
        memcpy(last, p + i, n - i);
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)last);
    errors = _mm256_or_si256(errors, block_errors(v, before));
    return _mm256_testz_si256(errors, errors);
}

size_t utf8_first_bad(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.at;

    if (s.len >= 32 && __builtin_cpu_supports("avx2") && is_utf8_avx2(p, s.len))
        return s.len;
    return first_bad_plain(p, s.len, 0);
}

#else

size_t utf8_first_bad(struct slice s)
{
    return first_bad_plain((const unsigned char *)s.at, s.len, 0);
}

#endif
