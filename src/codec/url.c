/* url.c: RFC 3986, reduced to what a provider's base URL may be. */

#include "codec/url.h"

#include <arpa/inet.h>
#include <errno.h>

enum { HOST_MAX = 253, LABEL_MAX = 63 }; /* RFC 1035 section 2.3.4 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool is_label(struct slice label)
{
    if (label.len == 0 || label.len > LABEL_MAX || label.at[0] == '-' ||
        label.at[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!is_letter(label.at[i]) && !is_digit(label.at[i]) && label.at[i] != '-' &&
            label.at[i] != '_')
            return false;
    return true;
}

/* A name or an IPv4 address; '_' is common inside container networks. */
static bool is_name(struct slice host)
{
    if (host.len == 0 || host.len > HOST_MAX || host.at[host.len - 1] == '.')
        return false;
    while (host.len)
        if (!is_label(slice_cut(&host, '.')))
            return false;
    return true;
}

static bool is_ipv6(struct slice host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (host.len >= sizeof(text) || memchr(host.at, '\0', host.len))
        return false;
    memcpy(text, host.at, host.len);
    text[host.len] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* The characters of RFC 3986 section 3.3, and whole percent escapes; they also make a query. */
static bool is_path(struct slice path)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.at[i];
        if (c == '%') {
            if (path.len - i < 3 || !is_hex(path.at[i + 1]) || !is_hex(path.at[i + 2]))
                return false;
        } else if (!is_letter(c) && !is_digit(c) &&
                   (c == '\0' || !strchr("/-._~!$&'()*+,;=:@", c))) {
            return false;
        }
    }
    return true;
}

static bool take_scheme(struct slice *text, bool *ret_tls)
{
    static const struct slice plain = SLICE_INIT("http://"), tls = SLICE_INIT("https://");

    for (int i = 0; i < 2; i++) {
        struct slice scheme = i ? tls : plain;
        if (text->len < scheme.len || !slice_eq_nocase(slice_sub(*text, 0, scheme.len), scheme))
            continue;
        *text = slice_sub(*text, scheme.len, text->len);
        *ret_tls = i;
        return true;
    }
    return false;
}

bool url_take_host(struct slice *rest, struct slice *ret_host)
{
    if (slice_starts(*rest, SLICE("["))) {
        size_t close = slice_find(*rest, SLICE("]"));
        if (close == rest->len)
            return false;
        *ret_host = slice_sub(*rest, 1, close);
        *rest = slice_sub(*rest, close + 1, rest->len);
        return is_ipv6(*ret_host) && (rest->len == 0 || rest->at[0] == ':');
    }
    size_t colon = slice_find(*rest, SLICE(":"));
    *ret_host = slice_sub(*rest, 0, colon);
    *rest = slice_sub(*rest, colon, rest->len);
    return is_name(*ret_host);
}

static bool take_port(struct slice rest, struct url *u)
{
    uint64_t port;

    u->port = u->tls ? 443 : 80;
    if (rest.len == 0)
        return true;
    if (slice_to_u64(slice_sub(rest, 1, rest.len), &port) < 0 || port == 0 || port > UINT16_MAX)
        return false;
    u->port = (uint16_t)port;
    return true;
}

/* What is wrong with text, or NULL. */
static const char *url_read(struct slice text, struct url *u)
{
    if (!take_scheme(&text, &u->tls))
        return "does not begin with http:// or https://";

    size_t mark = slice_find(text, SLICE("?"));
    bool has_query = mark < text.len;
    u->query = slice_sub(text, has_query ? mark + 1 : mark, text.len);
    text = slice_sub(text, 0, mark);

    size_t slash = slice_find(text, SLICE("/"));
    struct slice rest = u->authority = slice_sub(text, 0, slash);
    u->path = slice_sub(text, slash, text.len);
    if (slice_find(rest, SLICE("@")) < rest.len)
        return "has a user name or a password in it";
    if (slice_find(text, SLICE("#")) < text.len || slice_find(u->query, SLICE("#")) < u->query.len)
        return "has a fragment, which begins with #";
    if (!url_take_host(&rest, &u->host))
        return "has no host: a name, an IPv4 address or an [IPv6 address]";
    if (!take_port(rest, u))
        return "has a port that is no number from 1 to 65535";
    if (!is_path(u->path))
        return "has a character in its path that must be written as %XX";
    if (!is_path(u->query) || (has_query && slice_is_empty(u->query)))
        return "has an empty query, or a character in it that must be written as %XX";
    while (u->path.len && u->path.at[u->path.len - 1] == '/')
        u->path.len--;
    return NULL;
}

int url_parse(struct slice text, struct url *ret, const char **ret_why)
{
    *ret = (struct url){0};
    const char *why = url_read(text, ret);
    if (ret_why)
        *ret_why = why;
    return why ? -EINVAL : OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_encoded(struct slice s, bool plus)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == '%' || (plus && s.at[i] == '+'))
            return true;
    return false;
}

struct slice url_decode(struct slice s, bool plus, struct arena *a)
{
    if (!is_encoded(s, plus))
        return s.at ? s : SLICE("");
    char *text = arena_alloc(a, s.len);
    size_t n = 0;

    if (!text)
        return (struct slice){0};
    for (size_t i = 0; i < s.len; i++) {
        text[n] = plus && s.at[i] == '+' ? ' ' : s.at[i];
        if (s.at[i] == '%') {
            int high = i + 2 < s.len ? hex_digit(s.at[i + 1]) : -1;
            int low = i + 2 < s.len ? hex_digit(s.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return (struct slice){0};
            text[n] = (char)(high << 4 | low);
            i += 2;
        }
        n++;
    }
    return slice_of(text, n);
}

static bool stays_in_path(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~/:@", c));
}

struct slice url_encode_path(struct slice s, struct arena *a)
{
    static const char digits[] = "0123456789ABCDEF";
    char *text = arena_alloc(a, 3 * s.len);
    size_t n = 0;

    if (!text)
        return (struct slice){0};
    for (size_t i = 0; i < s.len; i++) {
        if (stays_in_path(s.at[i])) {
            text[n++] = s.at[i];
            continue;
        }
        text[n++] = '%';
        text[n++] = digits[(unsigned char)s.at[i] >> 4];
        text[n++] = digits[(unsigned char)s.at[i] & 15];
    }
    return slice_of(text, n);
}
