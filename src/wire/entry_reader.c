/* entry_reader.c: see entry_reader.h. */

#include "wire/entry_reader.h"

#include "codec/json_cursor.h"
#include "wire/setting_value.h"

enum { ALLOWED_BYTES = 4096 };

/* An object while it is read. */
struct entry {
    struct reader *r;
    const struct setting *table;
    const struct entry_extra *extras;
    struct slice path; /* of a nested object; empty: the body */
    void *row;
    struct entry_ask *ask; /* of the body; NULL: nested */
    uint64_t seen;         /* bit i: member i of the table stood there, then the extras, version */
};

/* --- refusing --- */

static struct slice param_of(const struct entry *e, struct slice name)
{
    if (slice_is_empty(e->path))
        return name;
    return arena_printf(e->r->arena, "%.*s.%.*s", SLICE_FMT(e->path), SLICE_FMT(name));
}

static struct slice allowed_text(const struct entry *e, const struct setting *s)
{
    struct buf out;

    buf_init(&out, ALLOWED_BYTES);
    setting_allowed(s, &out);
    struct slice text = arena_copy(e->r->arena, buf_slice(&out));
    buf_free(&out);
    return text;
}

static bool refuse_value(struct entry *e, const struct setting *s, const char *why)
{
    struct slice param = param_of(e, slice_str(s->path)), allowed = allowed_text(e, s);

    return reader_refuse(e->r, FAULT_INVALID_VALUE, param,
                         arena_printf(e->r->arena,
                                      "Invalid value for '%.*s': it %s; allowed: %.*s.",
                                      SLICE_FMT(param), why, SLICE_FMT(allowed)));
}

static bool is_settable(const struct entry *e, const struct setting *s)
{
    return !s->fixed || !e->ask || e->ask->making;
}

/* The names that may stand in the object. */
static struct slice known_names(const struct entry *e)
{
    struct buf out;

    buf_init(&out, ALLOWED_BYTES);
    for (const struct setting *s = e->table; s->path; s++)
        if (is_settable(e, s))
            buf_printf(&out, "%s%s", out.len ? ", " : "", s->path);
    for (const struct entry_extra *x = e->extras; x && x->name; x++)
        buf_printf(&out, ", %s", x->name);
    if (e->ask && !e->ask->making)
        buf_printf(&out, ", version");
    struct slice text = arena_copy(e->r->arena, buf_slice(&out));
    buf_free(&out);
    return text;
}

enum { NAME_SHOWN = 64 };

static bool refuse_unknown(struct entry *e, struct slice name, bool fixed)
{
    struct slice param = param_of(e, slice_sub(name, 0, MIN(name.len, (size_t)NAME_SHOWN)));
    struct slice names = known_names(e);

    return reader_refuse(e->r, FAULT_UNKNOWN_MEMBER, param,
                         arena_printf(e->r->arena, "%s parameter: '%.*s'; allowed: %.*s.",
                                      fixed ? "Unchangeable" : "Unknown", SLICE_FMT(param),
                                      SLICE_FMT(names)));
}

/* --- one value --- */

static bool decode(struct entry *e, struct json_value v, struct slice *ret)
{
    if (json_plain(v, ret))
        return true;
    char *text = arena_alloc(e->r->arena, v.text.len);
    if (!text)
        return reader_refuse_memory(e->r);
    *ret = slice_of(text, json_decode(v, text));
    return true;
}

/* A list of strings becomes one text: "a,b". */
static bool join(struct entry *e, const struct setting *s, struct slice array, struct slice *ret)
{
    char *text = arena_alloc(e->r->arena, array.len + 1);
    struct json_value v;
    struct slice word;
    size_t at = 0, n = 0;

    if (!text)
        return reader_refuse_memory(e->r);
    while (json_next(array, &at, &v)) {
        if (v.type != JSON_STRING)
            return refuse_value(e, s, "has an element that is no string");
        if (!decode(e, v, &word))
            return false;
        if (slice_is_empty(word) || memchr(word.at, ',', word.len))
            return refuse_value(e, s, "has an element that is empty or has a comma");
        if (n)
            text[n++] = ',';
        memcpy(text + n, word.at, word.len);
        n += word.len;
    }
    if (n == 0 && s->filled)
        return refuse_value(e, s, "is an empty list; null means no list");
    *ret = slice_of(text, n);
    return true;
}

static enum json_type expected_type(const struct setting *s)
{
    switch (s->type) {
    case SETTING_COUNT:
        return JSON_NUMBER;
    case SETTING_BOOL:
        return JSON_BOOL;
    case SETTING_NAMES:
    case SETTING_WORDS:
        return JSON_ARRAY;
    default:
        return JSON_STRING;
    }
}

static const char *type_word(enum json_type type)
{
    return type == JSON_NUMBER  ? "a whole number"
           : type == JSON_BOOL  ? "a boolean"
           : type == JSON_ARRAY ? "an array of strings"
                                : "a string";
}

/* The value as the configuration file would have it. */
static bool value_text(struct entry *e, const struct setting *s, struct json_value v,
                       struct slice *ret)
{
    enum json_type type = expected_type(s);
    uint64_t number;

    if (v.type != type)
        return reader_refuse_type(e->r, param_of(e, slice_str(s->path)), type_word(type), v.type);
    if (type == JSON_STRING)
        return decode(e, v, ret);
    if (type == JSON_ARRAY)
        return join(e, s, v.text, ret);
    *ret = v.text;
    if (type == JSON_NUMBER && !json_u64(v, &number))
        return refuse_value(e, s, "is no whole number in range");
    return true;
}

static bool set_default(struct entry *e, const struct setting *s)
{
    const char *why;

    if (s->required)
        return refuse_value(e, s, "cannot be null");
    memset((char *)e->row + s->at, 0, s->size);
    if (s->fallback)
        setting_set(s, e->row, slice_str(s->fallback), &why);
    return true;
}

static bool read_setting(struct entry *e, const struct setting *s, struct json_value v)
{
    struct slice text;
    const char *why;

    if (v.type == JSON_NULL)
        return set_default(e, s);
    if (!value_text(e, s, v, &text))
        return false;
    return setting_set(s, e->row, text, &why) || refuse_value(e, s, why);
}

/* --- members --- */

static bool note(struct entry *e, size_t index, struct slice name)
{
    uint64_t bit = (uint64_t)1 << index;

    if (e->seen & bit)
        return reader_refuse_duplicate(e->r, param_of(e, name));
    e->seen |= bit;
    return true;
}

static void give(struct entry *e, struct row_member member)
{
    if (e->ask && e->ask->change.given_len < ROW_CHANGE_MOST)
        e->ask->change.given[e->ask->change.given_len++] = member;
}

static bool read_version(struct entry *e, struct json_value v)
{
    if (!json_u64(v, &e->ask->version) || e->ask->version == 0)
        return reader_refuse_type(e->r, SLICE("version"), "a whole number from 1", v.type);
    return true;
}

static bool read_member(struct entry *e, const struct json_name *name, struct json_value v)
{
    size_t index = 0;

    for (const struct setting *s = e->table; s->path; s++, index++)
        if (json_name_is(name, slice_str(s->path))) {
            if (!is_settable(e, s))
                return refuse_unknown(e, slice_str(s->path), true);
            give(e, (struct row_member){s->at, s->size});
            return note(e, index, slice_str(s->path)) && read_setting(e, s, v);
        }
    for (const struct entry_extra *x = e->extras; x && x->name; x++, index++)
        if (json_name_is(name, slice_str(x->name))) {
            give(e, x->member);
            return note(e, index, slice_str(x->name)) && x->read(e->r, v, e->row);
        }
    if (e->ask && !e->ask->making && json_name_is(name, SLICE("version")))
        return note(e, index, SLICE("version")) && read_version(e, v);

    struct slice text;
    struct json_value quoted = {.type = JSON_STRING, .text = name->text};
    return decode(e, quoted, &text) && refuse_unknown(e, text, false);
}

static bool read_members(struct entry *e, struct slice object)
{
    struct json_cursor c = json_cursor_of(object);
    struct json_name name;

    json_cursor_enter(&c);
    while (json_cursor_member(&c, &name))
        if (!read_member(e, &name, json_cursor_take(&c)))
            return false;
    return true;
}

static bool require_members(struct entry *e)
{
    size_t index = 0;

    for (const struct setting *s = e->table; s->path; s++, index++)
        if (s->required && !(e->seen >> index & 1))
            return reader_refuse_missing(e->r, param_of(e, slice_str(s->path)));
    return true;
}

bool entry_read(const struct entry_form *form, struct slice body, struct arena *a,
                struct entry_ask *ret, struct fault *ret_fault)
{
    struct reader r = {body, a, ret_fault};
    void *row = arena_zalloc(a, form->row_size);

    if (!row)
        return reader_refuse_memory(&r);
    setting_defaults(form->table, row);
    *ret = (struct entry_ask){.making = ret->making, .change.row = row};
    struct entry e = {
        .r = &r, .table = form->table, .extras = form->extras, .row = row, .ask = ret};
    return reader_scan(&r, NULL, 0, NULL) && read_members(&e, body) &&
           (!ret->making || require_members(&e));
}

bool entry_read_nested(struct reader *r, const struct setting *table, struct slice path,
                       struct slice object, void *row)
{
    struct entry e = {.r = r, .table = table, .path = path, .row = row};

    return read_members(&e, object) && require_members(&e);
}

bool entry_read_version(struct slice body, struct arena *a, uint64_t *ret, struct fault *ret_fault)
{
    static const struct setting nothing[] = {{0}};
    const struct entry_form form = {nothing, NULL, 1};
    struct entry_ask ask = {.making = false};

    *ret = 0;
    if (slice_is_empty(body))
        return true;
    bool good = entry_read(&form, body, a, &ask, ret_fault);
    *ret = ask.version;
    return good;
}
