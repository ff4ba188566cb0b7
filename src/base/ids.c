/* ids.c: UUIDv7 and random hex from a per-thread xoshiro256++, secrets from the kernel. */

#include "base/ids.h"

#include "base/clock.h"
#include "base/fmt.h"

#include <errno.h>
#include <sys/random.h>

static _Thread_local struct {
    uint64_t state[4];      /* all zero: not seeded yet */
    uint64_t ms, high, low; /* of the newest record id: 48, 12 and 62 bits */
} generator;

static uint64_t rotate(uint64_t n, unsigned by)
{
    return n << by | n >> (64 - by);
}

/* getrandom may only fail before the kernel's pool is filled; ids then still differ by time and
 * thread */
static void generator_seed(void)
{
    uint64_t *s = generator.state;

    if (ids_secret_bytes(s, sizeof(generator.state)) < 0) {
        s[0] = clock_wall_us();
        s[1] = clock_now_us();
        s[2] = (uint64_t)(uintptr_t)s;
    }
    s[3] |= 1; /* all zero is the one state that the generator cannot leave */
}

/* xoshiro256++ 1.0 by Blackman and Vigna */
static uint64_t generator_next(void)
{
    uint64_t *s = generator.state;

    if (UNLIKELY((s[0] | s[1] | s[2] | s[3]) == 0))
        generator_seed();
    uint64_t result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

static const uint64_t high_max = (1ul << 12) - 1, low_max = (1ul << 62) - 1;

/* In one millisecond (or when the clock steps back) ids ascend by random steps, RFC 9562
 * section 6.2 method 2; the carry may run into the next millisecond. */
static void generator_advance(uint64_t ms)
{
    if (ms > generator.ms) {
        generator.ms = ms;
        generator.high = generator_next() & high_max;
        generator.low = generator_next() & low_max;
        return;
    }
    generator.low += 1 + (generator_next() & UINT32_MAX);
    if (generator.low <= low_max)
        return;
    generator.low &= low_max;
    if (++generator.high <= high_max)
        return;
    generator.high = 0;
    generator.ms++;
}

static void put_big_endian(unsigned char *at, uint64_t n, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0; n >>= 8)
        at[i] = (unsigned char)n;
}

struct record_id record_id_new(uint64_t wall_us)
{
    struct record_id id;

    generator_advance(wall_us / 1000);
    put_big_endian(id.bytes, generator.ms, 6);
    put_big_endian(id.bytes + 6, 7ul << 12 | generator.high, 2);
    put_big_endian(id.bytes + 8, 2ul << 62 | generator.low, 8);
    return id;
}

static bool is_dash(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

void record_id_format(const struct record_id *id, char ret[RECORD_ID_TEXT])
{
    const unsigned char *b = id->bytes;

    fmt_hex(ret, b, 4);
    fmt_hex(ret + 9, b + 4, 2);
    fmt_hex(ret + 14, b + 6, 2);
    fmt_hex(ret + 19, b + 8, 2);
    fmt_hex(ret + 24, b + 10, 6);
    ret[8] = ret[13] = ret[18] = ret[23] = '-';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

int record_id_parse(struct slice text, struct record_id *ret)
{
    struct record_id id = {{0}};
    size_t digits = 0;

    if (text.len != RECORD_ID_TEXT)
        return -EINVAL;
    for (size_t i = 0; i < RECORD_ID_TEXT; i++) {
        if (is_dash(i)) {
            if (text.at[i] != '-')
                return -EINVAL;
            continue;
        }
        int digit = hex_digit(text.at[i]);
        if (digit < 0)
            return -EINVAL;
        unsigned char *byte = &id.bytes[digits++ / 2];
        *byte = (unsigned char)(*byte << 4 | digit);
    }
    *ret = id;
    return OK;
}

void ids_random_hex(char *ret, size_t n)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n;) {
        uint64_t bits = generator_next();
        for (unsigned k = 0; k < 16 && i < n; k++, bits >>= 4)
            ret[i++] = digits[bits & 15];
    }
}

uint64_t ids_random(void)
{
    return generator_next();
}

int ids_secret_bytes(void *ret, size_t n)
{
    unsigned char *at = ret;

    while (n) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -EIO;
        at += got;
        n -= (size_t)got;
    }
    return OK;
}
