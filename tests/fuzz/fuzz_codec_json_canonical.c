/* fuzz_codec_json_canonical.c: two texts have one canonical form exactly when they ask the same.
 *
 * The input is a text, or two with a byte 0xFF between them. What "the same" is says a comparison
 * of yyjson's trees; and a text that is spelled anew (space, escapes, order where it may change)
 * keeps its form. As in fuzz_codec_json surrogates' escapes, which yyjson refuses when they are
 * alone, are made an 'A'. */

#include "codec/json.h"
#include "codec/json_canonical.h"

#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <yyjson.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* A text, read twice. */
struct reading {
    struct slice text;
    yyjson_doc *doc;
    int rc;
    struct slice form;
};

static void must(bool true_always)
{
    if (!true_always)
        abort();
}

/* ---- the same? ---- */

static bool same(yyjson_val *a, yyjson_val *b, unsigned level);

static bool same_text(yyjson_val *a, yyjson_val *b)
{
    return slice_eq(slice_of(yyjson_get_str(a), yyjson_get_len(a)),
                    slice_of(yyjson_get_str(b), yyjson_get_len(b)));
}

/* level: of the objects in it; 0: they keep their order. */
static bool same_list(yyjson_val *a, yyjson_val *b, unsigned level)
{
    size_t i, max;
    yyjson_val *value;

    yyjson_arr_foreach(a, i, max, value)
    {
        yyjson_val *other = yyjson_arr_get(b, i);
        if (!same(value, other, yyjson_is_obj(value) ? level : 0))
            return false;
    }
    return true;
}

static unsigned level_within(yyjson_val *member, unsigned level)
{
    return yyjson_is_arr(member) && level > 0 && level < JSON_SORTED ? level + 1 : 0;
}

static bool same_object(yyjson_val *a, yyjson_val *b, unsigned level)
{
    size_t i, max;
    yyjson_val *name, *value, *other_name;
    yyjson_obj_iter others = yyjson_obj_iter_with(b);

    yyjson_obj_foreach(a, i, max, name, value)
    {
        yyjson_val *other;
        if (level > 0) {
            other = yyjson_obj_getn(b, yyjson_get_str(name), yyjson_get_len(name));
        } else {
            other_name = yyjson_obj_iter_next(&others);
            other = yyjson_obj_iter_get_val(other_name);
            if (!same_text(name, other_name))
                return false;
        }
        if (!other || !same(value, other, level_within(value, level)))
            return false;
    }
    return true;
}

static bool same(yyjson_val *a, yyjson_val *b, unsigned level)
{
    if (yyjson_get_type(a) != yyjson_get_type(b))
        return false;
    if (yyjson_is_bool(a))
        return yyjson_get_bool(a) == yyjson_get_bool(b);
    if (yyjson_is_raw(a))
        return slice_eq(slice_of(yyjson_get_raw(a), yyjson_get_len(a)),
                        slice_of(yyjson_get_raw(b), yyjson_get_len(b)));
    if (yyjson_is_str(a))
        return same_text(a, b);
    if (yyjson_is_null(a))
        return true;
    if (yyjson_get_len(a) != yyjson_get_len(b))
        return false;
    return yyjson_is_arr(a) ? same_list(a, b, level) : same_object(a, b, level);
}

/* ---- spelled anew ---- */

struct speller {
    struct buf out;
    uint64_t random;
};

static unsigned dice(struct speller *s, unsigned sides)
{
    s->random = s->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(s->random >> 33) % sides;
}

static void space(struct speller *s)
{
    static const char *const spaces[] = {"", "", " ", "\n\t ", "\r"};

    buf_add(&s->out, slice_str(spaces[dice(s, ARRAY_LEN(spaces))]));
}

static void spell_unit(struct speller *s, unsigned unit)
{
    buf_printf(&s->out, dice(s, 2) ? "\\u%04x" : "\\u%04X", unit);
}

/* The character at p, which yyjson has checked; returns its bytes. */
static size_t spell_character(struct speller *s, const unsigned char *p)
{
    size_t n = *p < 0x80 ? 1 : *p < 0xE0 ? 2 : *p < 0xF0 ? 3 : 4;
    unsigned c = n == 1 ? *p : *p & (0x7Fu >> n);

    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3Fu);
    bool must_escape = c < 0x20 || c == '"' || c == '\\';
    if (c == '/' && dice(s, 2)) {
        buf_add(&s->out, SLICE("\\/"));
    } else if (c == '\n' && dice(s, 2)) {
        buf_add(&s->out, SLICE("\\n"));
    } else if (!must_escape && dice(s, 4)) {
        buf_add(&s->out, slice_of((const char *)p, n));
    } else if (c < 0x10000) {
        spell_unit(s, c);
    } else {
        spell_unit(s, 0xD800 + ((c - 0x10000) >> 10));
        spell_unit(s, 0xDC00 + ((c - 0x10000) & 0x3FF));
    }
    return n;
}

static void spell_string(struct speller *s, yyjson_val *v)
{
    const unsigned char *p = (const unsigned char *)yyjson_get_str(v);
    const unsigned char *end = p + yyjson_get_len(v);

    buf_add_char(&s->out, '"');
    while (p < end)
        p += spell_character(s, p);
    buf_add_char(&s->out, '"');
}

static void spell(struct speller *s, yyjson_val *v, unsigned level);

static void spell_list(struct speller *s, yyjson_val *v, unsigned level)
{
    size_t i, max;
    yyjson_val *element;

    buf_add_char(&s->out, '[');
    yyjson_arr_foreach(v, i, max, element)
    {
        if (i > 0)
            buf_add_char(&s->out, ',');
        spell(s, element, yyjson_is_obj(element) ? level : 0);
    }
    buf_add_char(&s->out, ']');
}

static void spell_member(struct speller *s, yyjson_val *name, unsigned level)
{
    yyjson_val *value = yyjson_obj_iter_get_val(name);

    space(s);
    spell_string(s, name);
    space(s);
    buf_add_char(&s->out, ':');
    spell(s, value, level_within(value, level));
}

/* Where the order is free the members begin anywhere among them. */
static void spell_object(struct speller *s, yyjson_val *v, unsigned level)
{
    size_t n = yyjson_obj_size(v);
    size_t first = level > 0 && n > 0 ? dice(s, (unsigned)n) : 0;

    buf_add_char(&s->out, '{');
    space(s);
    for (size_t i = 0; i < n; i++) {
        yyjson_obj_iter it = yyjson_obj_iter_with(v);
        yyjson_val *name = yyjson_obj_iter_next(&it);
        for (size_t k = (first + i) % n; k > 0; k--)
            name = yyjson_obj_iter_next(&it);
        if (i > 0)
            buf_add_char(&s->out, ',');
        spell_member(s, name, level);
    }
    buf_add_char(&s->out, '}');
}

static void spell(struct speller *s, yyjson_val *v, unsigned level)
{
    space(s);
    if (yyjson_is_obj(v))
        spell_object(s, v, level);
    else if (yyjson_is_arr(v))
        spell_list(s, v, level);
    else if (yyjson_is_str(v))
        spell_string(s, v);
    else if (yyjson_is_raw(v))
        buf_add(&s->out, slice_of(yyjson_get_raw(v), yyjson_get_len(v)));
    else
        buf_add(&s->out, slice_str(yyjson_is_null(v)   ? "null"
                                   : yyjson_is_true(v) ? "true"
                                                       : "false"));
    space(s);
}

/* ---- readings ---- */

static int canonical(struct arena *a, struct slice text, struct slice *ret)
{
    struct json_out out;

    json_out_begin(&out, a, 16);
    int rc = json_canonical(text, &out);
    *ret = json_out_slice(&out);
    return rc;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static void replace_surrogates(char *text, size_t n)
{
    for (size_t i = 0; i + 6 <= n; i++) {
        char *p = text + i;
        if (p[0] == '\\' && p[1] == 'u' && (p[2] | 0x20) == 'd' && is_hex(p[3]) && p[3] >= '8' &&
            is_hex(p[4]) && is_hex(p[5]))
            memcpy(p + 2, "0041", 4);
    }
}

/* False: no object, or one whose members cannot be sorted. */
static bool read(struct reading *r, struct arena *a)
{
    struct json_error error;
    struct slice again;

    if (!json_scan(r->text, NULL, 0, NULL, &error)) {
        (void)canonical(a, r->text, &r->form);
        return false;
    }
    r->rc = canonical(a, r->text, &r->form);
    if (r->rc < 0)
        return false;
    must(json_is_valid(r->form, &error));
    must(canonical(a, r->form, &again) == OK && slice_eq(again, r->form));
    r->doc = yyjson_read_opts((char *)(uintptr_t)r->text.at, r->text.len, YYJSON_READ_NUMBER_AS_RAW,
                              NULL, NULL);
    return r->doc;
}

static void check_spelled_anew(const struct reading *r, struct arena *a)
{
    struct speller s = {.random = slice_hash(r->text)};
    struct slice form;

    buf_init(&s.out, 1 << 26);
    spell(&s, yyjson_doc_get_root(r->doc), 1);
    if (s.out.rc == OK)
        must(canonical(a, buf_slice(&s.out), &form) == OK && slice_eq(form, r->form));
    buf_free(&s.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char *text = malloc(n ? n : 1);
    struct reading a = {.doc = NULL}, b = {.doc = NULL};
    struct arena arena;

    if (!text)
        return 0;
    if (n)
        memcpy(text, bytes, n);
    replace_surrogates(text, n);
    arena_init(&arena, 0);
    b.text = slice_of(text, n);
    a.text = slice_cut(&b.text, (char)0xFF);
    bool both = read(&a, &arena);
    if (both)
        check_spelled_anew(&a, &arena);
    if (both && read(&b, &arena))
        must(slice_eq(a.form, b.form) ==
             same(yyjson_doc_get_root(a.doc), yyjson_doc_get_root(b.doc), 1));
    yyjson_doc_free(a.doc);
    yyjson_doc_free(b.doc);
    arena_clear(&arena);
    free(text);
    return 0;
}
