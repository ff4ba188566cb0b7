/* fuzz_codec_url.c: what url_parse accepts is what a request head can carry safely. */

#include "codec/url.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool true_always)
{
    if (!true_always)
        abort();
}

static bool is_visible(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] >= 0x7F || strchr("?#\"<>\\^`{|}", s.at[i]))
            return false;
    return true;
}

/* The parts put together again are the same URL. */
static void check_again(const struct url *u)
{
    char text[8192];
    struct url again;
    bool v6 = slice_find(u->host, SLICE(":")) < u->host.len;
    int n = snprintf(text, sizeof(text), "%s://%s%.*s%s:%u%.*s%s%.*s", u->tls ? "https" : "http",
                     v6 ? "[" : "", SLICE_FMT(u->host), v6 ? "]" : "", u->port, SLICE_FMT(u->path),
                     u->query.len ? "?" : "", SLICE_FMT(u->query));

    must(n > 0 && (size_t)n < sizeof(text));
    must(url_parse(slice_of(text, (size_t)n), &again, NULL) == OK);
    must(again.tls == u->tls && again.port == u->port);
    must(slice_eq(again.host, u->host) && slice_eq(again.path, u->path) &&
         slice_eq(again.query, u->query));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct url u;
    const char *why;

    if (n > 4096)
        return 0;
    int rc = url_parse(slice_of((const char *)bytes, n), &u, &why);
    must((rc == OK) == (why == NULL));
    if (rc < 0)
        return 0;
    must(u.host.len > 0 && u.port > 0);
    must(is_visible(u.host) && is_visible(u.authority) && is_visible(u.path) &&
         is_visible(u.query));
    must(u.path.len == 0 || (u.path.at[0] == '/' && u.path.at[u.path.len - 1] != '/'));
    check_again(&u);
    return 0;
}
