/* mock_schema.c: see mock_schema.h. */

#include "app/mock_schema.h"

enum { SCHEMA_DEPTH_MOST = 16, NAME_MOST = 256 };

enum { TYPE, PROPERTIES, REQUIRED, ENUM, CONST, ANY_OF, REF, SCHEMA_MEMBERS };

static const struct json_member schema_members[SCHEMA_MEMBERS] = {
    {SLICE_INIT("type")}, {SLICE_INIT("properties")}, {SLICE_INIT("required")},
    {SLICE_INIT("enum")}, {SLICE_INIT("const")},      {SLICE_INIT("anyOf")},
    {SLICE_INIT("$ref")},
};

struct filling {
    struct json_value root; /* $ref begins here */
    struct buf *out;
    unsigned depth;
};

static void fill(struct filling *f, struct json_value schema);

static struct json_value member(struct json_value object, struct slice name)
{
    struct json_member wanted = {name};
    struct json_value found = {0};

    if (object.type == JSON_OBJECT)
        json_members(object.text, &wanted, 1, &found);
    return found;
}

static struct json_value first_element(struct json_value array)
{
    struct json_value v = {0};
    size_t at = 0;

    if (array.type == JSON_ARRAY)
        json_next(array.text, &at, &v);
    return v;
}

/* "#/$defs/step" */
static struct json_value resolve(const struct filling *f, struct json_value ref)
{
    struct json_value at = f->root;
    struct slice path;

    if (!json_plain(ref, &path) || !slice_starts(path, SLICE("#")))
        return (struct json_value){0};
    slice_cut(&path, '/');
    while (path.len)
        at = member(at, slice_cut(&path, '/'));
    return at;
}

static void fill_object(struct filling *f, struct json_value properties, struct json_value required)
{
    struct json_value name;
    size_t at = 0;
    bool first = true;

    buf_add_char(f->out, '{');
    while (required.type == JSON_ARRAY && json_next(required.text, &at, &name)) {
        char text[NAME_MOST];
        if (name.type != JSON_STRING || name.text.len > sizeof(text))
            continue;
        struct slice decoded = slice_of(text, json_decode(name, text));
        buf_printf(f->out, "%s%.*s:", first ? "" : ",", SLICE_FMT(name.text));
        fill(f, member(properties, decoded));
        first = false;
    }
    buf_add_char(f->out, '}');
}

static void fill_type(struct filling *f, struct json_value type, const struct json_value *m)
{
    if (type.type == JSON_ARRAY) /* ["string", "null"] */
        type = first_element(type);
    if (json_string_eq(type, SLICE("object")) || m[PROPERTIES].type == JSON_OBJECT)
        fill_object(f, m[PROPERTIES], m[REQUIRED]);
    else if (json_string_eq(type, SLICE("array")))
        buf_add(f->out, SLICE("[]"));
    else if (json_string_eq(type, SLICE("integer")) || json_string_eq(type, SLICE("number")))
        buf_add_char(f->out, '1');
    else if (json_string_eq(type, SLICE("boolean")))
        buf_add(f->out, SLICE("true"));
    else if (json_string_eq(type, SLICE("string")))
        buf_add(f->out, SLICE("\"text\""));
    else
        buf_add(f->out, SLICE("null"));
}

static void fill(struct filling *f, struct json_value schema)
{
    struct json_value m[SCHEMA_MEMBERS] = {0};

    if (f->depth == SCHEMA_DEPTH_MOST || schema.type != JSON_OBJECT) {
        buf_add(f->out, SLICE("null"));
        return;
    }
    f->depth++;
    json_members(schema.text, schema_members, SCHEMA_MEMBERS, m);
    struct json_value chosen = first_element(m[ENUM]);
    if (m[CONST].type != JSON_NONE)
        buf_add(f->out, m[CONST].text);
    else if (chosen.type != JSON_NONE)
        buf_add(f->out, chosen.text);
    else if (m[REF].type == JSON_STRING)
        fill(f, resolve(f, m[REF]));
    else if (m[ANY_OF].type == JSON_ARRAY)
        fill(f, first_element(m[ANY_OF]));
    else
        fill_type(f, m[TYPE], m);
    f->depth--;
}

void mock_schema_value(struct json_value schema, struct buf *ret)
{
    struct filling f = {schema, ret, 0};

    fill(&f, schema);
}
