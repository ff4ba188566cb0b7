/* json_canonical.c: see json_canonical.h. What is sorted is walked by recursion, JSON_SORTED deep;
 * all else is copied token by token. */

#include "codec/json_canonical.h"

#include "codec/json_cursor.h"
#include "codec/json_text.h"

#include <errno.h>
#include <stdlib.h>

struct member {
    struct slice name; /* in its one spelling, with quotes */
    struct slice value;
};

/* ---- strings ---- */

static void write_unit(struct json_out *out, unsigned c)
{
    static const char hex[] = "0123456789abcdef";
    const char text[] = {'\\',       'u', hex[c >> 12 & 15], hex[c >> 8 & 15], hex[c >> 4 & 15],
                         hex[c & 15]};

    json_out_add(out, slice_of(text, sizeof(text)));
}

static void write_character(struct json_out *out, unsigned c)
{
    char utf8[4];

    if (c == '"' || c == '\\')
        json_out_char(out, '\\');
    if (c < 0x20 || (c >= 0xD800 && c < 0xE000))
        write_unit(out, c);
    else
        json_out_add(out, slice_of(utf8, json_put_utf8(utf8, c)));
}

static unsigned short_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default: /* itself */
        return (unsigned char)c;
    }
}

/* The escape at p, which ends before `end`; returns the bytes taken. */
static size_t write_escape(struct json_out *out, const char *p, const char *end)
{
    unsigned low;

    if (end - p < 2)
        return 1;
    if (p[1] != 'u') {
        write_character(out, short_escape(p[1]));
        return 2;
    }
    if (end - p < 6)
        return (size_t)(end - p);
    unsigned c = json_utf16_unit(p, end);
    bool high = c >= 0xD800 && c < 0xDC00;
    if (!high || (low = json_utf16_unit(p + 6, end)) < 0xDC00 || low >= 0xE000) {
        write_character(out, c);
        return 6;
    }
    write_character(out, 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00));
    return 12;
}

/* text: with its quotes. */
static void write_string(struct json_out *out, struct slice text)
{
    const char *p = text.at, *end = p + text.len;

    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        json_out_add(out, slice_of(p, (size_t)((escape ? escape : end) - p)));
        p = escape ? escape + write_escape(out, escape, end) : end;
    }
}

/* ---- what keeps its order ---- */

static void write_tokens(struct json_out *out, struct slice value)
{
    const unsigned char *p = (const unsigned char *)value.at, *end = p ? p + value.len : p;

    while (p < end) {
        const unsigned char *from = p;
        if (*p == '"') {
            p = json_skip_string(p, end);
            write_string(out, json_between(from, p));
            continue;
        }
        while (p < end && *p != '"' && !json_is_space(*p))
            p++;
        json_out_add(out, json_between(from, p));
        p = json_skip_space(p, end);
    }
}

/* ---- what is sorted ---- */

static int compare_members(const void *a, const void *b)
{
    return slice_order(((const struct member *)a)->name, ((const struct member *)b)->name);
}

static int read_name(const struct json_name *name, struct arena *a, struct slice *ret)
{
    struct json_out spelled;

    *ret = name->text;
    if (name->plain)
        return OK;
    json_out_begin(&spelled, a, name->text.len);
    write_string(&spelled, name->text);
    *ret = json_out_slice(&spelled);
    return json_out_failed(&spelled) ? -ENOMEM : OK;
}

static int read_members(struct slice object, struct arena *a, struct member *ret, size_t *ret_len)
{
    struct json_cursor c = json_cursor_of(object);
    struct json_name name;
    size_t n = 0;

    for (json_cursor_enter(&c); json_cursor_member(&c, &name); n++) {
        if (n == JSON_SORTED_MEMBERS)
            return -E2BIG;
        int rc = read_name(&name, a, &ret[n].name);
        if (rc < 0)
            return rc;
        ret[n].value = json_cursor_take(&c).text;
    }
    qsort(ret, n, sizeof(*ret), compare_members);
    for (size_t i = 1; i < n; i++)
        if (slice_eq(ret[i].name, ret[i - 1].name))
            return -EEXIST;
    *ret_len = n;
    return OK;
}

static int write_object(struct json_out *out, struct slice object, unsigned level);

static int write_list(struct json_out *out, struct slice list, unsigned level)
{
    struct json_value element;
    size_t at = 0;
    int rc = OK;

    json_out_char(out, '[');
    for (bool first = true; rc == OK && json_next(list, &at, &element); first = false) {
        if (!first)
            json_out_char(out, ',');
        if (element.type == JSON_OBJECT)
            rc = write_object(out, element.text, level);
        else
            write_tokens(out, element.text);
    }
    json_out_char(out, ']');
    return rc;
}

/* level: of the object, from 1. */
static int write_object(struct json_out *out, struct slice object, unsigned level)
{
    struct member members[JSON_SORTED_MEMBERS];
    size_t n;
    int rc = read_members(object, out->arena, members, &n);

    if (rc < 0)
        return rc;
    json_out_char(out, '{');
    for (size_t i = 0; rc == OK && i < n; i++) {
        struct slice value = members[i].value;
        if (i > 0)
            json_out_char(out, ',');
        json_out_add(out, members[i].name);
        json_out_char(out, ':');
        if (level < JSON_SORTED && value.len > 0 && value.at[0] == '[')
            rc = write_list(out, value, level + 1);
        else
            write_tokens(out, value);
    }
    json_out_char(out, '}');
    return rc;
}

int json_canonical(struct slice object, struct json_out *out)
{
    int rc = object.len > 0 ? write_object(out, object, 1) : OK;

    return rc == OK && json_out_failed(out) ? -ENOMEM : rc;
}
