/* retry_after.c: retry-after and the families of ratelimit-reset.
 *
 * A provider may name a moment in place of a wait. There is no clock here: the wait is counted from
 * the answer's own `date`. */

#include "adapter/retry_after.h"

#include <time.h>

/* A number of seconds above the first is a point in time, above the second one in milliseconds. */
static const double epoch_seconds = 1e9, epoch_milliseconds = 1e12;

enum { MOMENT_TEXT = 40 };

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

/* "Z", "+00:00", with a fraction of a second before it. */
static bool is_utc(const char *rest)
{
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    return strcmp(rest, "Z") == 0 || strcmp(rest, "+00:00") == 0;
}

/* An HTTP date (RFC 9110 section 5.6.7, the preferred form), RFC 3339 in UTC, or a number of
 * seconds or milliseconds since 1970 → seconds since 1970. */
static bool parse_moment(struct slice text, double *ret)
{
    char copy[MOMENT_TEXT] = {0};
    struct tm tm = {0};
    const char *rest;

    text = slice_trim(text);
    if (slice_is_empty(text) || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.at, text.len);
    rest = strptime(copy, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (rest && !*rest) {
        *ret = (double)timegm(&tm);
        return true;
    }
    tm = (struct tm){0};
    rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest && is_utc(rest)) {
        *ret = (double)timegm(&tm);
        return true;
    }
    if (!take_number(&text, ret) || !slice_is_empty(text) || *ret < epoch_seconds)
        return false;
    *ret /= *ret >= epoch_milliseconds ? 1e3 : 1;
    return true;
}

/* A moment that has passed is no wait. */
static bool wait_until(const struct headers *h, struct slice text, uint64_t *ret)
{
    double then, now;

    if (!parse_moment(text, &then) || !parse_moment(headers_get(h, SLICE("date")), &now))
        return false;
    *ret = then > now ? (uint64_t)MIN((then - now) * 1e3, (double)RETRY_AFTER_MAX_MS) : 0;
    return true;
}

static bool parse_hint(const struct headers *h, struct slice text, uint64_t *ret)
{
    return parse_wait(text, ret) || wait_until(h, text, ret);
}

static bool starts_nocase(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_eq_nocase(slice_sub(s, 0, prefix.len), prefix);
}

/* The limit that a field speaks of: what is left of its name without the family and the word.
 * False: it is none of the family's fields with that word. */
static bool limit_of(struct slice name, struct slice word, struct slice *ret)
{
    static const struct slice first = SLICE_INIT("x-ratelimit-");        /* …-reset-tokens */
    static const struct slice last = SLICE_INIT("anthropic-ratelimit-"); /* …-tokens-reset */

    if (starts_nocase(name, first)) {
        struct slice rest = slice_sub(name, first.len, name.len);
        *ret = slice_sub(rest, MIN(word.len, rest.len), rest.len);
        return starts_nocase(rest, word);
    }
    if (!starts_nocase(name, last) || name.len < last.len + word.len)
        return false;
    *ret = slice_sub(name, last.len, name.len - word.len);
    return slice_eq_nocase(slice_sub(name, name.len - word.len, name.len), word);
}

/* Whether the limit has nothing left. */
static bool is_used_up(const struct headers *h, struct slice limit)
{
    struct slice other;

    for (size_t i = 0; i < h->len; i++)
        if (limit_of(h->at[i].name, SLICE("remaining"), &other) && slice_eq_nocase(other, limit))
            return slice_eq(h->at[i].value, SLICE("0"));
    return false;
}

static uint64_t wait_from_resets(const struct headers *h)
{
    uint64_t longest_used_up = 0, shortest = 0, ms;
    struct slice limit;

    for (size_t i = 0; i < h->len; i++) {
        if (!limit_of(h->at[i].name, SLICE("reset"), &limit) || !parse_hint(h, h->at[i].value, &ms))
            continue;
        if (is_used_up(h, limit))
            longest_used_up = MAX(longest_used_up, ms);
        shortest = shortest == 0 ? ms : MIN(shortest, ms);
    }
    return longest_used_up > 0 ? longest_used_up : shortest;
}

uint64_t retry_after_text(struct slice text)
{
    uint64_t ms;

    return parse_wait(text, &ms) ? ms : 0;
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
    if (parse_hint(h, headers_get(h, SLICE("retry-after")), &ms))
        return ms;
    return wait_from_resets(h);
}
