/* fmt.c: numbers to text and back. */

#include "base/fmt.h"

#include <errno.h>

size_t fmt_u64(char ret[20], uint64_t n)
{
    char text[20];
    size_t at = sizeof(text);

    do {
        text[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    memcpy(ret, text + at, sizeof(text) - at);
    return sizeof(text) - at;
}

/* ".25" for 250; nothing for 0 */
static size_t fmt_thousandths(char *ret, uint64_t ms)
{
    size_t n = 4;

    if (ms == 0)
        return 0;
    ret[0] = '.';
    ret[1] = (char)('0' + ms / 100);
    ret[2] = (char)('0' + ms / 10 % 10);
    ret[3] = (char)('0' + ms % 10);
    while (ret[n - 1] == '0')
        n--;
    return n;
}

size_t fmt_duration(char ret[24], uint64_t ms)
{
    uint64_t hours = ms / 3600000, minutes = ms / 60000 % 60, seconds = ms / 1000 % 60;
    size_t n = 0;

    if (ms < 1000) {
        n = fmt_u64(ret, ms);
        if (ms)
            ret[n++] = 'm';
        ret[n++] = 's';
        return n;
    }
    if (hours) {
        n += fmt_u64(ret, hours);
        ret[n++] = 'h';
    }
    if (hours || minutes) {
        char text[20];
        size_t len = fmt_u64(text, minutes);
        memcpy(ret + n, text, len);
        n += len;
        ret[n++] = 'm';
    }
    if (seconds >= 10)
        ret[n++] = (char)('0' + seconds / 10);
    ret[n++] = (char)('0' + seconds % 10);
    n += fmt_thousandths(ret + n, ms % 1000);
    ret[n++] = 's';
    return n;
}

struct unit {
    struct slice name;
    uint64_t factor;
};

/* Digits and one of the units behind them. */
static int parse_with_unit(struct slice s, const struct unit *units, size_t n, uint64_t *ret)
{
    size_t digits = 0;
    uint64_t number;

    while (digits < s.len && s.at[digits] >= '0' && s.at[digits] <= '9')
        digits++;
    int rc = slice_to_u64(slice_sub(s, 0, digits), &number);
    if (rc == -EINVAL)
        return rc;
    struct slice name = slice_sub(s, digits, s.len);
    for (size_t i = 0; i < n; i++) {
        if (!slice_eq(name, units[i].name))
            continue;
        if (rc < 0 || __builtin_mul_overflow(number, units[i].factor, ret))
            return -ERANGE;
        return OK;
    }
    return -EINVAL;
}

int parse_duration(struct slice s, uint64_t *ret_ms)
{
    static const struct unit units[] = {
        {SLICE_INIT("ms"), 1             },
        {SLICE_INIT("s"),  1000          },
        {SLICE_INIT("m"),  60000         },
        {SLICE_INIT("h"),  3600000       },
        {SLICE_INIT("d"),  24 * 3600000ul},
    };

    if (slice_eq(s, SLICE("0"))) {
        *ret_ms = 0;
        return OK;
    }
    return parse_with_unit(s, units, ARRAY_LEN(units), ret_ms);
}

int parse_size(struct slice s, uint64_t *ret_bytes)
{
    static const struct unit units[] = {
        {SLICE_INIT(""),   1        },
        {SLICE_INIT("KB"), 1ul << 10},
        {SLICE_INIT("MB"), 1ul << 20},
        {SLICE_INIT("GB"), 1ul << 30},
    };

    return parse_with_unit(s, units, ARRAY_LEN(units), ret_bytes);
}

void fmt_hex(char *ret, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;

    for (size_t i = 0; i < n; i++) {
        ret[2 * i] = digits[p[i] >> 4];
        ret[2 * i + 1] = digits[p[i] & 15];
    }
}
