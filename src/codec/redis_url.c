/* redis_url.c: see redis_url.h. */

#include "codec/redis_url.h"

#include "codec/url.h"

#include <errno.h>

enum { PORT = 6379, DB_MOST = 9999 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Visible characters and whole escapes. */
static bool is_encoded(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c <= ' ' || c >= 0x7f)
            return false;
        if (c == '%' &&
            (text.len - i < 3 || hex_digit(text.at[i + 1]) < 0 || hex_digit(text.at[i + 2]) < 0))
            return false;
    }
    return true;
}

size_t redis_url_decode(char *ret, struct slice text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%') {
            c = (char)((unsigned)hex_digit(text.at[i + 1]) << 4 |
                       (unsigned)hex_digit(text.at[i + 2]));
            i += 2;
        }
        ret[n++] = c;
    }
    return n;
}

static bool take_scheme(struct slice *text, bool *ret_tls)
{
    static const struct slice plain = SLICE_INIT("redis://"), tls = SLICE_INIT("rediss://");

    *ret_tls = slice_starts(*text, tls);
    if (!*ret_tls && !slice_starts(*text, plain))
        return false;
    *text = slice_sub(*text, *ret_tls ? tls.len : plain.len, text->len);
    return true;
}

/* Up to the last '@': a password may be written with one. */
static bool take_user(struct slice *rest, struct redis_url *u)
{
    size_t at = rest->len;

    while (at > 0 && rest->at[at - 1] != '@')
        at--;
    if (at == 0)
        return true;
    struct slice who = slice_sub(*rest, 0, at - 1), user = who;
    *rest = slice_sub(*rest, at, rest->len);
    u->has_password = slice_find(who, SLICE(":")) < who.len;
    u->user = slice_cut(&user, ':');
    u->has_user = u->user.len > 0;
    u->password = secret_of(user);
    return is_encoded(who);
}

static bool read_port(struct slice rest, struct redis_url *u)
{
    uint64_t port = PORT;

    if (rest.len > 0 &&
        (slice_to_u64(slice_sub(rest, 1, rest.len), &port) < 0 || port == 0 || port > UINT16_MAX))
        return false;
    u->port = (uint16_t)port;
    return true;
}

static bool read_db(struct slice path, struct redis_url *u)
{
    uint64_t db = 0;

    if (path.len > 1 && (slice_to_u64(slice_sub(path, 1, path.len), &db) < 0 || db > DB_MOST))
        return false;
    u->db = (unsigned)db;
    return true;
}

/* What is wrong with text, or NULL. */
static const char *redis_url_read(struct slice text, struct redis_url *u)
{
    if (!take_scheme(&text, &u->tls))
        return "does not begin with redis:// or rediss://";
    size_t from = text.len; /* a '/' in a password is before the last '@' */
    while (from > 0 && text.at[from - 1] != '@')
        from--;
    size_t slash = from + slice_find(slice_sub(text, from, text.len), SLICE("/"));
    struct slice rest = slice_sub(text, 0, slash);
    if (!take_user(&rest, u))
        return "has a character in its user or password that must be written as %XX";
    if (!url_take_host(&rest, &u->host))
        return "has no host: a name, an IPv4 address or an [IPv6 address]";
    if (!read_port(rest, u))
        return "has a port that is no number from 1 to 65535";
    if (!read_db(slice_sub(text, slash, text.len), u))
        return "has a database that is no number from 0 to 9999";
    if (u->has_user && !u->has_password)
        return "has a user without a password; write redis://:PASSWORD@HOST for a password alone";
    return NULL;
}

int redis_url_parse(struct secret text, struct redis_url *ret, const char **ret_why)
{
    *ret = (struct redis_url){0};
    const char *why = redis_url_read(secret_reveal(text), ret);
    if (ret_why)
        *ret_why = why;
    return why ? -EINVAL : OK;
}
