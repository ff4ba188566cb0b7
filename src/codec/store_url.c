/* store_url.c: see store_url.h.
 *
 * A password with an "@" or a "/" that is not percent-encoded would be taken for a part of the
 * host's name, and told in the complaint that there is no such host: such a URL is refused before
 * anybody reads it (RFC 3986, section 3.2.1). */

#include "codec/store_url.h"

#include <stdio.h>

bool store_url_is_postgres(struct slice url)
{
    return slice_starts(url, SLICE("postgres:")) || slice_starts(url, SLICE("postgresql:"));
}

/* Behind "scheme://"; empty: there is none. */
static struct slice behind_scheme(struct slice url)
{
    size_t at = slice_find(url, SLICE("://"));

    return at == url.len ? (struct slice){0} : slice_sub(url, at + 3, url.len);
}

/* Up to the first of the stops, or all. */
static struct slice up_to(struct slice s, const char *stops)
{
    size_t n = 0;

    while (n < s.len && !strchr(stops, s.at[n]))
        n++;
    return slice_sub(s, 0, n);
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool has_bad_percent(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == '%' && (i + 2 >= s.len || !is_hex(s.at[i + 1]) || !is_hex(s.at[i + 2])))
            return true;
    return false;
}

static bool has_strange_character(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] == 0x7f)
            return true;
    return false;
}

/* Of "host:port,[::1]:port": a password whose "@" was forgotten looks like a port. */
static bool has_bad_port(struct slice hosts)
{
    while (hosts.len) {
        struct slice host = slice_cut(&hosts, ',');
        size_t colon = host.len;
        while (colon > 0 && host.at[colon - 1] != ':' && host.at[colon - 1] != ']')
            colon--;
        if (colon == 0 || host.at[colon - 1] == ']')
            continue;
        for (size_t i = colon; i < host.len; i++)
            if (host.at[i] < '0' || host.at[i] > '9')
                return true;
    }
    return false;
}

const char *store_url_fault(struct slice url)
{
    struct slice rest = behind_scheme(url), authority = up_to(rest, "/?");
    struct slice who = up_to(authority, "@");
    bool has_who = who.len < authority.len;
    struct slice hosts = has_who ? slice_sub(authority, who.len + 1, authority.len) : authority;
    struct slice behind = has_who ? slice_sub(rest, who.len + 1, rest.len) : rest;

    if (!store_url_is_postgres(url) || !rest.at)
        return "is no PostgreSQL URL";
    if (has_strange_character(url))
        return "has a blank or another character that a URL cannot have";
    if (up_to(behind, "@").len < behind.len)
        return "has an @ that is not between the password and the host: in a user, a password or "
               "a name, @ : / ? % are written %40 %3A %2F %3F %25";
    if (has_bad_percent(url))
        return "has a % without two hexadecimal digits behind it: % itself is written %25";
    return has_bad_port(hosts) ? "has a port that is no number" : NULL;
}

const char *store_url_redact(struct slice url, char ret[STORE_URL_SHOWN])
{
    struct slice rest = behind_scheme(url), authority = up_to(rest, "/?");
    struct slice place = up_to(rest, "?"), user;

    if (!store_url_is_postgres(url)) {
        snprintf(ret, STORE_URL_SHOWN, "%.*s", SLICE_FMT(url));
        return ret;
    }
    if (store_url_fault(url)) {
        snprintf(ret, STORE_URL_SHOWN, "postgres://…");
        return ret;
    }
    struct slice who = up_to(authority, "@");
    user = who.len < authority.len ? up_to(who, ":") : (struct slice){0};
    if (who.len < authority.len)
        place = slice_sub(place, who.len + 1, place.len);
    snprintf(ret, STORE_URL_SHOWN, "postgres://%.*s%s%.*s", SLICE_FMT(user), user.len ? "@" : "",
             SLICE_FMT(place));
    return ret;
}
