/* clock.c: the clocks, and the calendar without the C library's locale and time zones. */

#include "base/clock.h"

#include <errno.h>
#include <time.h>

static uint64_t clock_us(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_now_ms(void)
{
    return clock_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_now_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

uint64_t clock_running_ms(void)
{
    return clock_us(CLOCK_BOOTTIME) / 1000;
}

uint64_t clock_wall_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

uint64_t clock_cpu_us(void)
{
    return clock_us(CLOCK_PROCESS_CPUTIME_ID);
}

struct civil {
    unsigned year, month, day, hour, minute, second;
};

static const uint64_t seconds_a_day = 86400;
static const uint64_t last_second = 253402300799; /* 9999-12-31T23:59:59Z */

/* Days since 1970-01-01 and back: years begin in March, so that the leap day is the last one; 400
 * years are one cycle of 146097 days. 719468 days lie between 0000-03-01 and 1970-01-01. */
static uint64_t days_of(unsigned year, unsigned month, unsigned day)
{
    unsigned y = month <= 2 ? year - 1 : year, era = y / 400, yoe = y % 400;
    unsigned doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return (uint64_t)era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static struct civil civil_of(uint64_t second)
{
    unsigned z = (unsigned)(second / seconds_a_day) + 719468;
    unsigned rest = (unsigned)(second % seconds_a_day);
    unsigned era = z / 146097, doe = z % 146097;
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    unsigned month = mp < 10 ? mp + 3 : mp - 9;

    return (struct civil){
        .year = yoe + era * 400 + (month <= 2),
        .month = month,
        .day = doy - (153 * mp + 2) / 5 + 1,
        .hour = rest / 3600,
        .minute = rest / 60 % 60,
        .second = rest % 60,
    };
}

static char *put_digits(char *at, unsigned n, unsigned width)
{
    for (unsigned i = width; i-- > 0; n /= 10)
        at[i] = (char)('0' + n % 10);
    return at + width;
}

static char *put_time(char *at, const struct civil *c)
{
    at = put_digits(at, c->hour, 2);
    *at++ = ':';
    at = put_digits(at, c->minute, 2);
    *at++ = ':';
    return put_digits(at, c->second, 2);
}

void clock_rfc3339(uint64_t wall_us, char ret[CLOCK_RFC3339_LEN + 1])
{
    uint64_t us = MIN(wall_us, last_second * 1000000 + 999999);
    struct civil c = civil_of(us / 1000000);
    char *at = put_digits(ret, c.year, 4);

    *at++ = '-';
    at = put_digits(at, c.month, 2);
    *at++ = '-';
    at = put_digits(at, c.day, 2);
    *at++ = 'T';
    at = put_time(at, &c);
    *at++ = '.';
    at = put_digits(at, (unsigned)(us / 1000 % 1000), 3);
    *at++ = 'Z';
    *at = '\0';
}

void clock_http_date(uint64_t wall_us, char ret[CLOCK_HTTP_DATE_LEN + 1])
{
    static const char days[] = "ThuFriSatSunMonTueWed"; /* the epoch was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    uint64_t second = MIN(wall_us / 1000000, last_second);
    struct civil c = civil_of(second);

    memcpy(ret, days + second / seconds_a_day % 7 * 3, 3);
    memcpy(ret + 3, ", ", 2);
    put_digits(ret + 5, c.day, 2);
    ret[7] = ' ';
    memcpy(ret + 8, months + (c.month - 1) * 3, 3);
    ret[11] = ' ';
    put_digits(ret + 12, c.year, 4);
    ret[16] = ' ';
    put_time(ret + 17, &c);
    memcpy(ret + 25, " GMT", 5);
}

/* Takes a number of exactly width digits off s. */
static bool take_digits(struct slice *s, size_t width, unsigned *ret)
{
    uint64_t n;

    if (s->len < width || slice_to_u64(slice_sub(*s, 0, width), &n) < 0)
        return false;
    *s = slice_sub(*s, width, s->len);
    *ret = (unsigned)n;
    return true;
}

static bool take_one_of(struct slice *s, const char *allowed)
{
    if (s->len == 0 || s->at[0] == '\0' || !strchr(allowed, s->at[0]))
        return false;
    *s = slice_sub(*s, 1, s->len);
    return true;
}

static bool take_civil(struct slice *s, struct civil *c)
{
    return take_digits(s, 4, &c->year) && take_one_of(s, "-") && take_digits(s, 2, &c->month) &&
           take_one_of(s, "-") && take_digits(s, 2, &c->day) && take_one_of(s, "Tt ") &&
           take_digits(s, 2, &c->hour) && take_one_of(s, ":") && take_digits(s, 2, &c->minute) &&
           take_one_of(s, ":") && take_digits(s, 2, &c->second);
}

static unsigned days_in(unsigned year, unsigned month)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return month == 2 && leap ? 29 : lengths[month - 1];
}

/* second 60: a leap second is the first of the next minute */
static bool civil_is_real(const struct civil *c)
{
    return c->year >= 1970 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= days_in(c->year, c->month) && c->hour <= 23 && c->minute <= 59 &&
           c->second <= 60;
}

/* ".123456789" is optional; what is below a microsecond is cut off */
static bool take_fraction(struct slice *s, unsigned *ret_us)
{
    unsigned scale = 100000, digit, us = 0;

    *ret_us = 0;
    if (!take_one_of(s, "."))
        return true;
    if (!take_digits(s, 1, &digit))
        return false;
    do {
        us += digit * scale;
        scale /= 10;
    } while (take_digits(s, 1, &digit));
    *ret_us = us;
    return true;
}

/* "Z" or "+02:00"; seconds east of Greenwich */
static bool take_offset(struct slice *s, int64_t *ret)
{
    unsigned hour, minute;

    *ret = 0;
    if (take_one_of(s, "Zz"))
        return true;
    bool west = s->len && s->at[0] == '-';
    if (!take_one_of(s, "+-") || !take_digits(s, 2, &hour) || !take_one_of(s, ":") ||
        !take_digits(s, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *ret = (int64_t)hour * 3600 + (int64_t)minute * 60;
    if (west)
        *ret = -*ret;
    return true;
}

int clock_parse_rfc3339(struct slice s, uint64_t *ret_wall_us)
{
    struct civil c;
    unsigned us;
    int64_t offset;

    if (!take_civil(&s, &c) || !civil_is_real(&c) || !take_fraction(&s, &us) ||
        !take_offset(&s, &offset) || s.len)
        return -EINVAL;
    uint64_t day = days_of(c.year, c.month, c.day);
    int64_t second =
        (int64_t)(day * seconds_a_day + c.hour * 3600 + c.minute * 60 + c.second) - offset;
    if (second < 0)
        return -EINVAL;
    *ret_wall_us = (uint64_t)second * 1000000 + us;
    return OK;
}
