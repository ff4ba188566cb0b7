/* json_cursor.c: one position in a text, moved over names, values and brackets.
 *
 * Between calls it stands behind a name's colon, behind a value or behind an opening bracket;
 * commas and space before what comes next are passed when that is asked for. */

#include "codec/json_cursor.h"

#include "codec/json_text.h"

#include <stdio.h>

struct json_cursor json_cursor_of(struct slice text)
{
    const unsigned char *at = (const unsigned char *)text.at;

    return (struct json_cursor){at, at ? at + text.len : at};
}

enum json_type json_cursor_type(const struct json_cursor *c)
{
    const unsigned char *p = json_skip_comma(c->at, c->end);

    return p < c->end ? json_type_of(*p) : JSON_NONE;
}

const char *json_cursor_at(struct json_cursor *c)
{
    c->at = json_skip_comma(c->at, c->end);
    return (const char *)c->at;
}

bool json_cursor_enter(struct json_cursor *c)
{
    c->at = json_skip_comma(c->at, c->end);
    if (c->at == c->end || (*c->at != '{' && *c->at != '['))
        return false;
    c->at++;
    return true;
}

/* False: a bracket closed, or the text ended. */
static bool stands_at_next(struct json_cursor *c)
{
    c->at = json_skip_comma(c->at, c->end);
    if (c->at == c->end)
        return false;
    if (*c->at != '}' && *c->at != ']')
        return true;
    c->at++;
    return false;
}

bool json_cursor_member(struct json_cursor *c, struct json_name *ret)
{
    if (!stands_at_next(c))
        return false;
    const unsigned char *name = c->at, *behind = json_skip_name(name, c->end, &ret->plain);
    const unsigned char *colon = json_skip_space(behind, c->end);
    if (*name != '"' || behind - name < 2 || colon == c->end || *colon != ':') {
        c->at = c->end;
        return false;
    }
    ret->text = json_between(name, behind);
    c->at = colon + 1;
    return true;
}

bool json_cursor_element(struct json_cursor *c)
{
    return stands_at_next(c);
}

struct json_value json_cursor_take(struct json_cursor *c)
{
    const unsigned char *from = json_skip_comma(c->at, c->end);
    const unsigned char *to = from < c->end ? json_skip_value(from, c->end) : NULL;

    if (!to || to == from) {
        c->at = c->end;
        return (struct json_value){0};
    }
    c->at = to;
    return (struct json_value){.type = json_type_of(*from), .text = json_between(from, to)};
}

/* ---- paths ---- */

/* A text of limited length. */
struct path {
    char text[256];
    size_t len;
};

static void path_add(struct path *p, struct slice s)
{
    size_t n = MIN(s.len, sizeof(p->text) - p->len);

    if (n > 0)
        memcpy(p->text + p->len, s.at, n);
    p->len += n;
}

static void path_add_index(struct path *p, size_t index)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "[%zu]", index);

    path_add(p, slice_of(text, (size_t)n));
}

static bool stands_in(struct slice value, const char *at)
{
    return value.len > 0 && at >= value.at && at < value.at + value.len;
}

/* The element of the array in which `at` stands. */
static bool path_into_array(struct path *p, const char *at, struct slice *value)
{
    struct json_value element;
    size_t position = 0;

    for (size_t i = 0; json_next(*value, &position, &element); i++) {
        if (stands_in(element.text, at)) {
            path_add_index(p, i);
            *value = element.text;
            return true;
        }
    }
    return false;
}

/* The member of the object in whose value `at` stands. */
static bool path_into_object(struct path *p, const char *at, struct slice *value)
{
    struct json_cursor c = json_cursor_of(*value);
    struct json_name name;

    for (json_cursor_enter(&c); json_cursor_member(&c, &name);) {
        struct slice member = json_cursor_take(&c).text;
        if (stands_in(member, at)) {
            path_add(p, p->len > 0 ? SLICE(".") : (struct slice){0});
            path_add(p, slice_sub(name.text, 1, name.text.len - 1));
            *value = member;
            return true;
        }
    }
    return false;
}

/* One step further in; false: `at` stands in the value itself. */
static bool path_into(struct path *p, const char *at, struct slice *value)
{
    if (value->at[0] == '[')
        return path_into_array(p, at, value);
    return value->at[0] == '{' && path_into_object(p, at, value);
}

struct slice json_path(struct slice text, const char *at, struct arena *a)
{
    struct json_cursor c = json_cursor_of(text);
    struct slice value = json_cursor_take(&c).text;
    struct path path = {.len = 0};

    while (value.len > 0 && path_into(&path, at, &value))
        ;
    struct slice ret = arena_copy(a, slice_of(path.text, path.len));
    return ret.at ? ret : (struct slice){0};
}
