/* setting_value.c: see setting_value.h. */

#include "wire/setting_value.h"

#include "base/clock.h"
#include "base/fmt.h"
#include "base/utf8.h"
#include "codec/redis_url.h"
#include "codec/store_url.h"
#include "codec/url.h"

#include <arpa/inet.h>
#include <errno.h>

static bool is_visible(char c)
{
    return c > ' ' && c < 0x7f;
}

/* RFC 3986 section 5.2.4: clients and proxies take these out of a path, and ask for another object.
 */
static bool has_dot_segment(struct slice path)
{
    while (path.len) {
        struct slice segment = slice_cut(&path, '/');
        if (slice_eq(segment, SLICE(".")) || slice_eq(segment, SLICE("..")))
            return true;
    }
    return false;
}

static const char *why_not_name(const struct setting *s, struct slice text)
{
    if (text.len == 0)
        return "is empty";
    if (text.len > s->max)
        return "is too long";
    for (size_t i = 0; i < text.len; i++)
        if (!is_visible(text.at[i]) || text.at[i] == ',')
            return "has a character that a name cannot have";
    if (s->fixed && has_dot_segment(text)) /* the object's own name stands in its URL */
        return "has a part \".\" or \"..\" between slashes, which no URL can have";
    return NULL;
}

static const char *why_not_names(const struct setting *s, struct slice text)
{
    while (text.len) {
        const char *why = why_not_name(s, slice_cut(&text, ','));
        if (why)
            return why;
    }
    return NULL;
}

/* A literal address in front of the port, brackets removed. */
static bool is_host(struct slice host)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char at[16];
    bool brackets = host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';

    if (host.len == 0)
        return true;
    if (brackets)
        host = slice_sub(host, 1, host.len - 1);
    if (host.len >= sizeof(text))
        return false;
    memcpy(text, host.at, host.len);
    text[host.len] = 0;
    return inet_pton(brackets ? AF_INET6 : AF_INET, text, at) == 1;
}

static const char *why_not_address(struct slice text)
{
    size_t colon = text.len;
    uint64_t port;

    while (colon > 0 && text.at[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return "has no port";
    if (slice_to_u64(slice_sub(text, colon, text.len), &port) < 0 || port > 65535)
        return "has no valid port";
    if (!is_host(slice_sub(text, 0, colon - 1)))
        return "does not begin with an IP address";
    return NULL;
}

static const char *why_not_path(struct slice text)
{
    if (text.len == 0)
        return "is empty";
    if (text.len >= 4096 || memchr(text.at, 0, text.len))
        return "is no path";
    return NULL;
}

static const char *why_not_store(struct slice text)
{
    if (store_url_is_postgres(text))
        return store_url_fault(text);
    if (!slice_starts(text, SLICE("sqlite:")))
        return "names no store that is known";
    return why_not_path(slice_sub(text, strlen("sqlite:"), text.len));
}

static const char *why_not_secret(const struct setting *s, struct slice text)
{
    if (text.len == 0)
        return "is empty";
    if (text.len < s->min)
        return "is too short to be safe";
    for (size_t i = 0; i < text.len; i++)
        if (!is_visible(text.at[i]))
            return "has a character that no key has (a space, a line end?)";
    return NULL;
}

static const char *why_not_url(struct slice text)
{
    struct url url;
    const char *why;

    url_parse(text, &url, &why);
    return why;
}

static const char *why_not_label(const struct setting *s, struct slice text)
{
    if (slice_trim(text).len == 0 && s->required)
        return "is empty";
    if (text.len > s->max)
        return "is too long";
    if (!slice_is_utf8(text))
        return "is not UTF-8";
    if (slice_find(text, SLICE("\xef\xbf\xbd")) < text.len) /* of "\ud800", too */
        return "has half a surrogate pair, or U+FFFD, which stands for one";
    for (size_t i = 0; i < text.len; i++)
        if (utf8_control((const unsigned char *)text.at + i, text.len - i))
            return "has a control character";
    return NULL;
}

static const char *why_not_limiter(struct slice text)
{
    struct redis_url url;
    const char *why = NULL;

    if (!slice_eq(text, SLICE("memory")))
        redis_url_parse(secret_of(text), &url, &why);
    return why;
}

static bool is_word(const struct setting *s, struct slice text, uint64_t *ret)
{
    for (*ret = 0; s->words[*ret]; ++*ret)
        if (slice_eq(text, slice_str(s->words[*ret])))
            return true;
    return false;
}

static const char *why_not_words(const struct setting *s, struct slice text)
{
    uint64_t which;

    while (text.len)
        if (!is_word(s, slice_cut(&text, ','), &which))
            return "has a word that is not allowed";
    return NULL;
}

static const char *why_not_text(const struct setting *s, struct slice text)
{
    if (text.len > SETTING_TEXT_MOST)
        return "is longer than 64 KB";
    switch (s->type) {
    case SETTING_PATTERNS: /* whoever reads the file knows which one is wrong, and why */
        return NULL;
    case SETTING_ADDRESS:
        return why_not_address(text);
    case SETTING_STORE:
        return why_not_store(text);
    case SETTING_LIMITER:
        return why_not_limiter(text);
    case SETTING_PATH:
        return why_not_path(text);
    case SETTING_TYPE:
    case SETTING_NAME:
        return why_not_name(s, text);
    case SETTING_NAMES:
        return why_not_names(s, text);
    case SETTING_WORDS:
        return why_not_words(s, text);
    case SETTING_URL:
        return why_not_url(text);
    case SETTING_LABEL:
        return why_not_label(s, text);
    default:
        return why_not_secret(s, text);
    }
}

/* "0.25": at most six decimals, so that it is exact. */
static int parse_ratio(struct slice text, uint64_t *ret_millionths)
{
    struct slice decimals = text, whole = slice_cut(&decimals, '.');
    uint64_t ones, millionths = 0;

    if (slice_to_u64(whole, &ones) < 0 || decimals.len > 6 ||
        (whole.len < text.len && !decimals.len))
        return -EINVAL;
    if (decimals.len && slice_to_u64(decimals, &millionths) < 0)
        return -EINVAL;
    for (size_t i = decimals.len; i < 6; i++)
        millionths *= 10;
    if (ones > 1)
        return -ERANGE;
    *ret_millionths = ones * 1000000 + millionths;
    return *ret_millionths > 1000000 ? -ERANGE : OK;
}

static const char *read_ratio(struct slice text, uint64_t *ret)
{
    int rc = parse_ratio(text, ret);

    return rc == -ERANGE ? "is too large" : rc < 0 ? "is no share" : NULL;
}

static const char *read_number(const struct setting *s, struct slice text, uint64_t *ret)
{
    int rc;

    if (s->type == SETTING_SIZE)
        rc = parse_size(text, ret);
    else if (s->type == SETTING_DURATION)
        rc = parse_duration(text, ret);
    else
        rc = slice_to_u64(text, ret);
    if (rc == -ERANGE)
        return "is too large";
    if (rc < 0)
        return s->type == SETTING_SIZE       ? "is no size"
               : s->type == SETTING_DURATION ? "is no duration"
                                             : "is no whole number";
    if (*ret < s->min)
        return "is too small";
    return *ret > s->max ? "is too large" : NULL;
}

static const char *read_word(const struct setting *s, struct slice text, uint64_t *ret)
{
    return is_word(s, text, ret) ? NULL : "is none of the words allowed";
}

static const char *read_bool(struct slice text, uint64_t *ret)
{
    *ret = slice_eq(text, SLICE("true"));
    return *ret || slice_eq(text, SLICE("false")) ? NULL : "is neither true nor false";
}

static const char *read_time(struct slice text, uint64_t *ret)
{
    return clock_parse_rfc3339(text, ret) == OK && *ret > 0 ? NULL : "is no time";
}

static void store_number(const struct setting *s, void *object, uint64_t n)
{
    char *at = (char *)object + s->at;

    if (s->size == sizeof(uint64_t))
        memcpy(at, &n, sizeof(n));
    else if (s->size == sizeof(bool))
        memcpy(at, &(bool){n != 0}, sizeof(bool));
    else
        memcpy(at, &(unsigned){(unsigned)n}, sizeof(unsigned));
}

/* struct secret holds nothing but its slice */
static void store_text(const struct setting *s, void *object, struct slice text)
{
    _Static_assert(sizeof(struct secret) == sizeof(struct slice), "a secret is a hidden slice");
    if (s->type == SETTING_LIMITER && slice_eq(text, SLICE("memory")))
        text = (struct slice){0};
    memcpy((char *)object + s->at, &text, sizeof(text));
}

bool setting_set(const struct setting *s, void *object, struct slice text, const char **ret_why)
{
    const char *why = NULL;
    uint64_t number = 0;

    switch (s->type) {
    case SETTING_COUNT:
        if (!(s->automatic && slice_eq(text, SLICE("auto"))))
            why = read_number(s, text, &number);
        break;
    case SETTING_SIZE:
    case SETTING_DURATION:
        if (!(s->off && slice_eq(text, SLICE("off"))))
            why = read_number(s, text, &number);
        break;
    case SETTING_RATIO:
        why = read_ratio(text, &number);
        break;
    case SETTING_WORD:
        why = read_word(s, text, &number);
        break;
    case SETTING_BOOL:
        why = read_bool(text, &number);
        break;
    case SETTING_TIME:
        why = read_time(text, &number);
        break;
    default:
        why = why_not_text(s, text);
        if (!why)
            store_text(s, object, text);
        *ret_why = why;
        return !why;
    }
    if (!why)
        store_number(s, object, number);
    *ret_why = why;
    return !why;
}

bool setting_is_equal(const struct setting *s, const void *a, const void *b)
{
    const char *x = (const char *)a + s->at, *y = (const char *)b + s->at;
    struct slice p, q;

    if (s->size != sizeof(struct slice))
        return memcmp(x, y, s->size) == 0;
    memcpy(&p, x, sizeof(p));
    memcpy(&q, y, sizeof(q));
    return slice_eq(p, q);
}

size_t setting_duration_text(uint64_t ms, char ret[SETTING_DURATION_TEXT])
{
    static const struct {
        uint64_t factor, least; /* 24h is not called a day */
        struct slice unit;
    } units[] = {
        {86400000, 2 * 86400000, SLICE_INIT("d") },
        {3600000,  3600000,      SLICE_INIT("h") },
        {60000,    60000,        SLICE_INIT("m") },
        {1000,     1000,         SLICE_INIT("s") },
        {1,        1,            SLICE_INIT("ms")},
    };

    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (ms >= units[i].least && ms % units[i].factor == 0) {
            size_t n = fmt_u64(ret, ms / units[i].factor);
            memcpy(ret + n, units[i].unit.at, units[i].unit.len);
            return n + units[i].unit.len;
        }
    ret[0] = '0';
    return 1;
}

static void allow_size(struct buf *ret, uint64_t n)
{
    const char *unit = "";

    if (n >= 1ul << 30 && n % (1ul << 30) == 0)
        n >>= 30, unit = "GB";
    else if (n >= 1ul << 20 && n % (1ul << 20) == 0)
        n >>= 20, unit = "MB";
    else if (n >= 1ul << 10 && n % (1ul << 10) == 0)
        n >>= 10, unit = "KB";
    buf_printf(ret, "%llu%s", (unsigned long long)n, unit);
}

static void allow_duration(struct buf *ret, uint64_t ms)
{
    char text[SETTING_DURATION_TEXT];

    buf_add(ret, slice_of(text, setting_duration_text(ms, text)));
}

static void allow_words(const struct setting *s, struct buf *ret)
{
    for (const char *const *w = s->words; *w; w++)
        buf_printf(ret, "%s%s", w == s->words ? "" : " | ", *w);
}

void setting_allowed(const struct setting *s, struct buf *ret)
{
    switch (s->type) {
    case SETTING_ADDRESS:
        buf_printf(ret, "IP:PORT, like 127.0.0.1:8080, [::1]:8080, :8080");
        break;
    case SETTING_COUNT:
        buf_printf(ret, "%sa whole number from %llu to %llu", s->automatic ? "auto | " : "",
                   (unsigned long long)s->min, (unsigned long long)s->max);
        break;
    case SETTING_SIZE:
        buf_printf(ret, "a size from ");
        allow_size(ret, s->min);
        buf_printf(ret, " to ");
        allow_size(ret, s->max);
        buf_printf(ret, ", like 512, 64KB, 32MB");
        break;
    case SETTING_DURATION:
        buf_printf(ret, "%sa duration from ", s->off ? "off | " : "");
        allow_duration(ret, s->min);
        buf_printf(ret, " to ");
        allow_duration(ret, s->max);
        buf_printf(ret, ", like 250ms, 30s, 2m");
        break;
    case SETTING_RATIO:
        buf_printf(ret, "a share from 0 to 1, like 0.05");
        break;
    case SETTING_WORD:
        allow_words(s, ret);
        break;
    case SETTING_STORE:
        buf_printf(ret, "sqlite:PATH | postgres://USER:PASSWORD@HOST[:PORT]/DATABASE");
        break;
    case SETTING_LIMITER:
        buf_printf(ret, "memory | redis(s)://[USER:PASSWORD@]HOST[:PORT][/DATABASE]");
        break;
    case SETTING_PATH:
        buf_printf(ret, "a path");
        break;
    case SETTING_SECRET:
        buf_printf(ret, "visible ASCII characters, at least %llu", (unsigned long long)s->min);
        break;
    case SETTING_TYPE:
        buf_printf(ret, "a type of provider");
        break;
    case SETTING_NAME:
        buf_printf(ret, "1 to %llu visible ASCII characters, no comma", (unsigned long long)s->max);
        break;
    case SETTING_URL:
        buf_printf(ret, "http(s)://HOST[:PORT][/PATH][?QUERY]");
        break;
    case SETTING_NAMES:
        buf_printf(ret, "a list of names");
        break;
    case SETTING_WORDS:
        buf_printf(ret, "a list of ");
        allow_words(s, ret);
        break;
    case SETTING_PATTERNS:
        buf_printf(ret, "a list of regular expressions");
        break;
    case SETTING_LABEL:
        buf_printf(ret, "a text of at most %llu bytes without control characters",
                   (unsigned long long)s->max);
        break;
    case SETTING_BOOL:
        buf_printf(ret, "true | false");
        break;
    case SETTING_TIME:
        buf_printf(ret, "a time as of RFC 3339, like 2030-01-31T12:00:00Z");
        break;
    }
}

void setting_defaults(const struct setting *table, void *object)
{
    const char *why;

    for (const struct setting *s = table; s->path; s++)
        if (s->fallback)
            setting_set(s, object, slice_str(s->fallback), &why); /* a unit test proves them */
}

void settings_entry_defaults(const struct setting *table, void *row, size_t row_size)
{
    memset(row, 0, row_size);
    setting_defaults(table, row);
}
