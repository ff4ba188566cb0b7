/* fuzz_codec_json.c: the scanner and yyjson must agree on what is JSON and on what is in it.
 *
 * yyjson refuses escapes of lone surrogates, which RFC 8259 allows; every surrogate escape is made
 * an 'A' first, which cannot change the grammar. Numbers are compared as they are spelt. */

#include "codec/json.h"

#include <stdlib.h>
#include <yyjson.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { MEMBERS_COMPARED = 32 };

static void must(bool true_always)
{
    if (!true_always)
        abort();
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

static void compare(struct json_value v, yyjson_val *y);

static void compare_string(struct json_value v, const char *text, size_t len)
{
    struct slice expected = slice_of(text, len), plain;
    char *decoded = malloc(v.text.len);

    must(v.type == JSON_STRING && decoded);
    must(slice_eq(slice_of(decoded, json_decode(v, decoded)), expected));
    must(json_string_eq(v, expected));
    must(!json_plain(v, &plain) || slice_eq(plain, expected));
    free(decoded);
}

static void compare_array(struct slice text, yyjson_val *y)
{
    struct json_value item;
    size_t at = 0, index, max;
    yyjson_val *value;

    yyjson_arr_foreach(y, index, max, value)
    {
        must(json_next(text, &at, &item));
        compare(item, value);
    }
    must(!json_next(text, &at, &item));
}

static unsigned count_name(yyjson_val *object, struct slice name)
{
    size_t index, max;
    yyjson_val *key, *value;
    unsigned found = 0;

    yyjson_obj_foreach(object, index, max, key, value)
    {
        found += slice_eq(slice_of(yyjson_get_str(key), yyjson_get_len(key)), name);
    }
    return found;
}

static void compare_object(struct slice text, yyjson_val *y)
{
    size_t index, max;
    yyjson_val *key, *value;
    struct json_value found;

    yyjson_obj_foreach(y, index, max, key, value)
    {
        struct json_member wanted = {slice_of(yyjson_get_str(key), yyjson_get_len(key))};
        if (index >= MEMBERS_COMPARED)
            break;
        bool unique = json_members(text, &wanted, 1, &found);
        must(unique == (count_name(y, wanted.name) == 1));
        if (unique)
            compare(found, value);
    }
}

static void compare(struct json_value v, yyjson_val *y)
{
    bool truth;

    switch (v.type) {
    case JSON_NULL:
        must(yyjson_is_null(y));
        break;
    case JSON_BOOL:
        must(json_bool(v, &truth) && yyjson_is_bool(y) && yyjson_get_bool(y) == truth);
        break;
    case JSON_NUMBER:
        must(yyjson_is_raw(y) && slice_eq(v.text, slice_of(yyjson_get_raw(y), yyjson_get_len(y))));
        break;
    case JSON_STRING:
        must(yyjson_is_str(y));
        compare_string(v, yyjson_get_str(y), yyjson_get_len(y));
        break;
    case JSON_ARRAY:
        must(yyjson_is_arr(y));
        compare_array(v.text, y);
        break;
    case JSON_OBJECT:
        must(yyjson_is_obj(y));
        compare_object(v.text, y);
        break;
    case JSON_NONE:
        abort();
    }
}

static const struct json_member wanted[] = {
    {SLICE_INIT("model")}, {SLICE_INIT("stream")}, {SLICE_INIT("a")}, {SLICE_INIT("")}};

/* Where the scan finds an object, the outline finds the same members. */
static void compare_outline(struct slice text, bool scanned, const struct json_value *expected)
{
    struct json_value found[ARRAY_LEN(wanted)];
    bool ok = json_outline(text, wanted, ARRAY_LEN(wanted), found);

    must(ok || !scanned);
    for (size_t i = 0; scanned && i < ARRAY_LEN(wanted); i++)
        must(found[i].type == expected[i].type && slice_eq(found[i].text, expected[i].text));
}

static void compare_scan(struct slice text, yyjson_val *root)
{
    struct json_value found[ARRAY_LEN(wanted)];
    struct json_error error;
    bool ok = json_scan(text, wanted, ARRAY_LEN(wanted), found, &error);

    must(error.at <= text.len && ok == (error.fault == JSON_OK));
    compare_outline(text, ok, found);
    if (!root || !yyjson_is_obj(root)) {
        must(!ok && (error.fault == JSON_TYPE) == (root != NULL));
        return;
    }
    must(ok || error.fault == JSON_DUPLICATE);
    must(ok == (error.member == -1));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        unsigned count = count_name(root, wanted[i].name);
        must(ok ? count <= 1 : error.member != (int)i || count > 1);
        if (!ok)
            continue;
        must((found[i].type != JSON_NONE) == (count == 1));
        if (count)
            compare(found[i], yyjson_obj_getn(root, wanted[i].name.at, wanted[i].name.len));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char *text = malloc(n ? n : 1);
    struct json_error error;

    if (!text)
        return 0;
    if (n)
        memcpy(text, bytes, n);
    bool valid_as_given = json_is_valid(slice_of(text, n), &error);
    must(error.at <= n);
    replace_surrogates(text, n);
    struct slice replaced = slice_of(text, n);
    bool valid = json_is_valid(replaced, &error);
    must(valid == valid_as_given);
    if (error.fault != JSON_DEPTH) {
        yyjson_doc *doc = yyjson_read_opts(text, n, YYJSON_READ_NUMBER_AS_RAW, NULL, NULL);
        must(valid == (doc != NULL));
        compare_scan(replaced, yyjson_doc_get_root(doc));
        yyjson_doc_free(doc);
    }
    free(text);
    return 0;
}
