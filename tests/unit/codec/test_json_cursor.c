/* test_json_cursor.c: one pass over every value, and the way to each of them. */

#include "codec/json_cursor.h"

#include "support/alloc_fail.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

/* What is met, a letter each: { } [ ] n(ame) v(alue). */
static void walk(struct json_cursor *c, char *out, size_t *n)
{
    enum json_type type = json_cursor_type(c);
    struct json_name name;

    if (type == JSON_OBJECT) {
        assert_true(json_cursor_enter(c));
        out[(*n)++] = '{';
        while (json_cursor_member(c, &name)) {
            assert_true(name.text.len >= 2 && name.text.at[0] == '"');
            out[(*n)++] = 'n';
            walk(c, out, n);
        }
        out[(*n)++] = '}';
    } else if (type == JSON_ARRAY) {
        assert_true(json_cursor_enter(c));
        out[(*n)++] = '[';
        while (json_cursor_element(c))
            walk(c, out, n);
        out[(*n)++] = ']';
    } else if (json_cursor_take(c).type != JSON_NONE) {
        out[(*n)++] = 'v';
    }
}

static void every_value_is_met_once(void **state)
{
    static const struct {
        const char *text, *met;
    } table[] = {
        {"7",                                                          "v"                   },
        {" \"a\" ",                                                    "v"                   },
        {"{}",                                                         "{}"                  },
        {"[ ]",                                                        "[]"                  },
        {"[1 ,\"]\",null]",                                            "[vvv]"               },
        {" { \"a\" : [ { } , [ ] ] , \"b\\\"\" : \"}\" } ",            "{n[{}[]]nv}"         },
        {"{\"a\":{\"b\":{\"c\":[[[1e5]]]}},\"d\":true,\"\":\"\\\\\"}", "{n{n{n[[[v]]]}}nvnv}"},
        {"",                                                           ""                    },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct json_cursor c = json_cursor_of(slice_str(table[i].text));
        char met[64];
        size_t n = 0;

        walk(&c, met, &n);
        met[n] = '\0';
        assert_string_equal(met, table[i].met);
        assert_int_equal(json_cursor_type(&c), JSON_NONE);
    }
}

static void values_are_told_as_they_stand(void **state)
{
    struct json_cursor c = json_cursor_of(SLICE("{\"a\": [1, 2] ,\"b\":-1.50}"));
    struct json_name name;
    struct json_value v;

    (void)state;
    assert_true(json_cursor_enter(&c));
    assert_true(json_cursor_member(&c, &name));
    assert_true(json_name_is(&name, SLICE("a")));
    assert_false(json_name_is(&name, SLICE("b")));
    assert_int_equal(*json_cursor_at(&c), '[');
    v = json_cursor_take(&c);
    assert_true(v.type == JSON_ARRAY && slice_eq(v.text, SLICE("[1, 2]")));
    assert_true(json_cursor_member(&c, &name));
    assert_false(json_cursor_enter(&c));
    v = json_cursor_take(&c);
    assert_true(v.type == JSON_NUMBER && slice_eq(v.text, SLICE("-1.50")));
    assert_false(json_cursor_member(&c, &name));
    assert_int_equal(json_cursor_take(&c).type, JSON_NONE);
}

static void names_are_compared_as_they_decode(void **state)
{
    struct json_cursor c = json_cursor_of(SLICE("{\"mod\\u0065l\":1,\"mode\":2}"));
    struct json_name name;

    (void)state;
    json_cursor_enter(&c);
    assert_true(json_cursor_member(&c, &name));
    assert_false(name.plain);
    assert_true(json_name_is(&name, SLICE("model")));
    json_cursor_take(&c);
    assert_true(json_cursor_member(&c, &name));
    assert_true(name.plain);
    assert_false(json_name_is(&name, SLICE("model")));
}

/* Text that nobody has validated: any end, any bytes. */
static void it_never_leaves_the_text(void **state)
{
    struct slice text = SLICE("{\"a\":[1,{\"b\\\"\":\"c\\u00e9\"},null],\"d\":{},\"e\":[[],-1]}");
    static const char odd[] = "{}[]\",:\\x1 ";

    (void)state;
    for (size_t n = 0; n <= text.len; n++) {
        for (size_t change = 0; change < sizeof(odd); change++) {
            char *bytes = malloc(n ? n : 1), met[256];
            size_t written = 0;

            if (n > 0) {
                memcpy(bytes, text.at, n);
                bytes[(n * 7) % n] = bytes[0];
                bytes[n / 2] = odd[change];
            }
            struct json_cursor c = json_cursor_of(slice_of(bytes, n));
            for (unsigned i = 0; i < 8 && written < 64; i++)
                walk(&c, met, &written);
            assert_true(c.at <= c.end);
            free(bytes);
        }
    }
}

static void paths_lead_to_values(void **state)
{
    const char *text = " {\"a\":[{\"b\":\"x\"},[10,20]],\"c\":{\"d\":{}},\"e\":7}";
    static const struct {
        const char *of, *path;
    } table[] = {
        {"x",    "a[0].b" },
        {"20",   "a[1][1]"},
        {"{}",   "c.d"    },
        {"{\"b", "a[0]"   },
        {"[10",  "a[1]"   },
        {"[{",   "a"      },
        {"7",    "e"      },
        {" {",   ""       },
        {"\"a",  ""       },
    };
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct slice path = json_path(slice_str(text), strstr(text, table[i].of), &arena);
        if (!slice_eq(path, slice_str(table[i].path)))
            fail_msg("%s: %.*s", table[i].of, SLICE_FMT(path));
    }
    alloc_fail_at(1);
    assert_int_equal(json_path(slice_str(text), strstr(text, "x"), &(struct arena){0}).len, 0);
    assert_true(alloc_fail_hit());
    arena_clear(&arena);
}

static void long_paths_are_cut(void **state)
{
    char text[4096];
    size_t n = 0;
    struct arena arena;

    (void)state;
    for (unsigned i = 0; i < 100; i++, n += 9)
        memcpy(text + n, "{\"member\"", 9), text[n + 9] = ':', n++;
    text[n++] = '7';
    memset(text + n, '}', 100);
    arena_init(&arena, 0);
    struct slice path = json_path(slice_of(text, n + 100), text + n - 1, &arena);
    assert_int_equal(path.len, 256);
    assert_true(slice_starts(path, SLICE("member.member.")));
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_is_met_once),
        cmocka_unit_test(values_are_told_as_they_stand),
        cmocka_unit_test(names_are_compared_as_they_decode),
        cmocka_unit_test(it_never_leaves_the_text),
        cmocka_unit_test(paths_lead_to_values),
        cmocka_unit_test(long_paths_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
