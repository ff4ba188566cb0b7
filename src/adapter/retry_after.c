/* retry_after.c: retry-after and the x-ratelimit-reset family. */

#include "adapter/retry_after.h"

/* A number of seconds above this is a point in time. */
static const double epoch_seconds = 1e9;

/* Takes digits with an optional fraction off *s. */
static bool take_number(struct slice *s, double *ret)
{
    double n = 0, scale = 1;
    bool fraction = false;
    size_t digits = 0, i = 0;

    for (; i < s->len; i++) {
        char c = s->at[i];
        if (c == '.' && !fraction) {
            fraction = true;
            continue;
        }
        if (c < '0' || c > '9')
            break;
        digits++;
        n = n * 10 + (c - '0');
        scale *= fraction ? 10 : 1;
    }
    *s = slice_sub(*s, i, s->len);
    *ret = n / scale;
    return digits > 0;
}

/* Takes a unit off *s and returns its milliseconds; nothing left means seconds. 0: unknown. */
static double take_unit(struct slice *s)
{
    static const struct {
        struct slice name;
        double ms;
    } units[] = {
        {SLICE_INIT("ms"), 1             },
        {SLICE_INIT("s"),  1e3           },
        {SLICE_INIT("m"),  60e3          },
        {SLICE_INIT("h"),  60 * 60e3     },
        {SLICE_INIT("d"),  24 * 60 * 60e3},
    };

    if (slice_is_empty(*s))
        return 1e3;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (slice_starts(*s, units[i].name)) {
            *s = slice_sub(*s, units[i].name.len, s->len);
            return units[i].ms;
        }
    }
    return 0;
}

/* "1s", "6m0s", "12ms", "7.66s", "300", "33011.38" → milliseconds, rounded up. */
static bool parse_wait(struct slice text, uint64_t *ret)
{
    double total = 0, number = 0, unit;

    text = slice_trim(text);
    if (slice_is_empty(text))
        return false;
    while (!slice_is_empty(text)) {
        if (!take_number(&text, &number))
            return false;
        unit = take_unit(&text);
        if (unit <= 0 || number >= epoch_seconds)
            return false;
        total += number * unit;
    }
    if (total >= (double)RETRY_AFTER_MAX_MS)
        *ret = RETRY_AFTER_MAX_MS;
    else
        *ret = (uint64_t)total + ((double)(uint64_t)total < total);
    return true;
}

static bool starts_nocase(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_eq_nocase(slice_sub(s, 0, prefix.len), prefix);
}

/* Whether the limit that a reset header speaks of has nothing left. */
static bool is_used_up(const struct headers *h, struct slice what)
{
    struct slice prefix = SLICE("x-ratelimit-remaining");

    for (size_t i = 0; i < h->len; i++) {
        struct slice name = h->at[i].name;
        if (starts_nocase(name, prefix) &&
            slice_eq_nocase(slice_sub(name, prefix.len, name.len), what))
            return slice_eq(h->at[i].value, SLICE("0"));
    }
    return false;
}

static uint64_t wait_from_resets(const struct headers *h)
{
    struct slice prefix = SLICE("x-ratelimit-reset");
    uint64_t longest_used_up = 0, shortest = 0, ms;

    for (size_t i = 0; i < h->len; i++) {
        struct slice name = h->at[i].name;
        if (!starts_nocase(name, prefix) || !parse_wait(h->at[i].value, &ms))
            continue;
        if (is_used_up(h, slice_sub(name, prefix.len, name.len)))
            longest_used_up = MAX(longest_used_up, ms);
        shortest = shortest == 0 ? ms : MIN(shortest, ms);
    }
    return longest_used_up > 0 ? longest_used_up : shortest;
}

uint64_t retry_after_ms(const struct headers *h)
{
    static const struct slice in_ms[] = {
        SLICE_INIT("retry-after-ms"),
        SLICE_INIT("x-ms-retry-after-ms"),
    };
    uint64_t ms;

    for (size_t i = 0; i < ARRAY_LEN(in_ms); i++)
        if (slice_to_u64(slice_trim(headers_get(h, in_ms[i])), &ms) == 0)
            return MIN(ms, (uint64_t)RETRY_AFTER_MAX_MS);
    if (parse_wait(headers_get(h, SLICE("retry-after")), &ms))
        return ms;
    return wait_from_resets(h);
}
