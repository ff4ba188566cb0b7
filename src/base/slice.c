/* slice.c: searching, comparing and hashing borrowed bytes. */

#include "base/slice.h"

#include "base/utf8.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

static unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;

    return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

bool slice_eq_nocase_bytes(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

int slice_order(struct slice a, struct slice b)
{
    size_t least = MIN(a.len, b.len);
    int order = least ? memcmp(a.at, b.at, least) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

struct slice slice_trim(struct slice s)
{
    size_t from = 0, to = s.len;

    while (from < to && (s.at[from] == ' ' || s.at[from] == '\t'))
        from++;
    while (to > from && (s.at[to - 1] == ' ' || s.at[to - 1] == '\t'))
        to--;
    return slice_sub(s, from, to);
}

size_t slice_find(struct slice s, struct slice needle)
{
    if (needle.len == 0)
        return 0;
    if (needle.len > s.len)
        return s.len;
    const char *hit = memmem(s.at, s.len, needle.at, needle.len);
    return hit ? (size_t)(hit - s.at) : s.len;
}

struct slice slice_cut(struct slice *s, char sep)
{
    const char *hit = s->len ? memchr(s->at, sep, s->len) : NULL;
    struct slice before = *s;

    if (!hit) {
        *s = slice_sub(*s, s->len, s->len);
        return before;
    }
    before.len = (size_t)(hit - s->at);
    *s = slice_sub(*s, before.len + 1, s->len);
    return before;
}

int slice_to_u64(struct slice s, uint64_t *ret)
{
    uint64_t n = 0;

    if (s.len == 0)
        return -EINVAL;
    bool over = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return -EINVAL;
        over |= __builtin_mul_overflow(n, 10u, &n);
        over |= __builtin_add_overflow(n, (uint64_t)(s.at[i] - '0'), &n);
    }
    if (over)
        return -ERANGE;
    *ret = n;
    return OK;
}

bool slice_eq_secret(struct slice a, struct slice b)
{
    volatile unsigned char diff = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        diff = (unsigned char)(diff | (a.at[i] ^ b.at[i]));
    return diff == 0;
}

bool slice_is_utf8(struct slice s)
{
    return utf8_first_bad(s) == s.len;
}

/* The hash is wyhash's scheme: 64 x 64 -> 128 bit products of 8-byte loads, folded. Keyed, so that
 * nobody outside can choose names that collide. */

static uint64_t hash_key;

__attribute__((constructor)) static void hash_key_init(void)
{
    if (getrandom(&hash_key, sizeof(hash_key), GRND_NONBLOCK) == (ssize_t)sizeof(hash_key))
        return;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    hash_key = (uint64_t)t.tv_nsec * 0x9E3779B97F4A7C15u + (uint64_t)(uintptr_t)&t;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load_u64(const char *p)
{
    uint64_t n;

    memcpy(&n, p, sizeof(n));
    return n;
}

static uint64_t load_u32(const char *p)
{
    uint32_t n;

    memcpy(&n, p, sizeof(n));
    return n;
}

/* up to 7 bytes; every byte and their number count (the length is mixed in by the caller) */
static uint64_t load_short(const char *p, size_t n)
{
    if (n >= 4)
        return load_u32(p) << 32 | load_u32(p + n - 4);
    if (n == 0)
        return 0;
    return (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 |
           (unsigned char)p[n - 1];
}

uint64_t slice_hash(struct slice s)
{
    static const uint64_t k0 = 0xA0761D6478BD642Fu, k1 = 0xE7037ED1A0B428DBu;
    uint64_t h = hash_key ^ k0;
    const char *p = s.at;
    size_t left = s.len;

    for (; left > 16; p += 16, left -= 16)
        h = fold(load_u64(p) ^ k1, load_u64(p + 8) ^ h);
    uint64_t a, b;
    if (left >= 8) {
        a = load_u64(p);
        b = load_u64(p + left - 8);
    } else {
        a = load_short(p, left);
        b = 0;
    }
    return fold(k1 ^ s.len, fold(a ^ k1, b ^ h));
}
