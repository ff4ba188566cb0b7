/* json_walk.c: looking into values that the scan has already validated.
 *
 * Trusts the grammar, so it only counts brackets and skips strings; it still never leaves the text.
 */

#include "codec/json_text.h"

/* Behind the container that begins at p. */
static const unsigned char *skip_container(const unsigned char *p, const unsigned char *end)
{
    unsigned depth = 0;

    while (p < end) {
        switch (*p) {
        case '"':
            p = json_skip_string(p, end);
            continue;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            depth--;
            break;
        default:
            break;
        }
        p++;
        if (depth == 0)
            break;
    }
    return p;
}

static const unsigned char *skip_value(const unsigned char *p, const unsigned char *end)
{
    if (*p == '"')
        return json_skip_string(p, end);
    if (*p == '{' || *p == '[')
        return skip_container(p, end);
    while (p < end && *p != ',' && *p != '}' && *p != ']' && !json_is_space(*p))
        p++;
    return p;
}

/* From behind a value or an opening bracket to the next name or value; NULL at the closing bracket.
 */
static const unsigned char *next_start(const unsigned char *p, const unsigned char *end)
{
    p = json_skip_space(p, end);
    if (p < end && *p == ',')
        p = json_skip_space(p + 1, end);
    return p == end || *p == '}' || *p == ']' ? NULL : p;
}

static struct slice span(const unsigned char *from, const unsigned char *to)
{
    return slice_of((const char *)from, (size_t)(to - from));
}

bool json_members(struct slice object, const struct json_member *wanted, size_t n,
                  struct json_value *ret)
{
    struct json_wanted w = json_wanted_of(wanted, n);

    for (size_t i = 0; i < n; i++)
        ret[i] = (struct json_value){0};
    if (object.len == 0 || object.at[0] != '{')
        return true;
    const unsigned char *p = (const unsigned char *)object.at, *end = p + object.len;
    for (p = next_start(p + 1, end); p; p = next_start(p, end)) {
        const unsigned char *name = p, *name_end = json_skip_string(p, end);
        p = json_skip_space(name_end, end);
        p = p < end ? json_skip_space(p + 1, end) : end; /* the colon */
        if (p == end)
            return true;
        const unsigned char *value = p;
        p = skip_value(p, end);
        int i = json_wanted_find(&w, span(name, name_end));
        if (i < 0)
            continue;
        if (ret[i].type != JSON_NONE)
            return false;
        ret[i] = (struct json_value){json_type_of(*value), span(value, p)};
    }
    return true;
}

bool json_next(struct slice array, size_t *at, struct json_value *ret)
{
    if (array.len == 0 || array.at[0] != '[')
        return false;
    const unsigned char *start = (const unsigned char *)array.at, *end = start + array.len;
    const unsigned char *value = next_start(start + (*at ? *at : 1), end);
    if (!value)
        return false;
    const unsigned char *behind = skip_value(value, end);
    *ret = (struct json_value){json_type_of(*value), span(value, behind)};
    *at = (size_t)(behind - start);
    return true;
}

bool json_u64(struct json_value v, uint64_t *ret)
{
    return v.type == JSON_NUMBER && slice_to_u64(v.text, ret) == OK;
}

bool json_bool(struct json_value v, bool *ret)
{
    if (v.type != JSON_BOOL)
        return false;
    *ret = v.text.at[0] == 't';
    return true;
}
