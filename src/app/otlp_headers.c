/* otlp_headers.c: see otlp_headers.h. */

#include "app/otlp_headers.h"

#include <errno.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 section 2.1. .at NULL: out of memory; *ret_rc tells what is wrong. */
static struct slice decode(struct slice s, struct arena *a, int *ret_rc)
{
    char *text = arena_alloc(a, s.len + 1);
    size_t n = 0;

    *ret_rc = text ? OK : -ENOMEM;
    for (size_t i = 0; text && i < s.len; i++) {
        text[n] = s.at[i];
        if (s.at[i] == '%') {
            int high = i + 2 < s.len ? hex_digit(s.at[i + 1]) : -1;
            int low = i + 2 < s.len ? hex_digit(s.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                *ret_rc = -EINVAL;
            text[n] = (char)((high & 15) << 4 | (low & 15));
            i += 2;
        }
        n++;
    }
    return slice_of(text, n);
}

/* Fields that the client writes itself are not for others to set. */
static bool is_field_name(struct slice name)
{
    return header_name_is_safe(name) && !slice_eq_nocase(name, SLICE("host")) &&
           !slice_eq_nocase(name, SLICE("content-length")) &&
           !slice_eq_nocase(name, SLICE("transfer-encoding"));
}

static int add_one(struct slice pair, struct arena *a, struct headers *ret)
{
    struct slice value = pair;
    struct slice name = slice_trim(slice_cut(&value, '='));
    int rc;

    if (name.len == pair.len || !is_field_name(name))
        return -EINVAL;
    value = decode(slice_trim(value), a, &rc);
    if (rc < 0)
        return rc;
    name = arena_copy(a, name);
    if (!name.at)
        return -ENOMEM;
    return header_value_is_safe(value) ? headers_add(ret, a, name, value) : -EINVAL;
}

int otlp_headers_read(struct secret text, struct arena *a, struct headers *ret)
{
    struct slice rest = secret_reveal(text);
    int rc = OK;

    while (rc == OK && rest.len > 0) {
        struct slice pair = slice_trim(slice_cut(&rest, ','));
        if (!slice_is_empty(pair))
            rc = add_one(pair, a, ret);
    }
    return rc;
}
