/* test_url.c: which URLs a provider may have. */

#include "codec/url.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void good_urls_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool tls;
        const char *host;
        uint16_t port;
        const char *path, *authority;
    } cases[] = {
        {"http://h",                         false, "h",              80,    "",                    "h"             },
        {"https://api.openai.com/v1",        true,  "api.openai.com", 443,   "/v1",                 "api.openai.com"},
        {"https://api.openai.com:8443/v1/",  true,  "api.openai.com", 8443,  "/v1",
         "api.openai.com:8443"                                                                                      },
        {"http://10.0.0.5:8000/",            false, "10.0.0.5",       8000,  "",                    "10.0.0.5:8000" },
        {"http://[::1]:11434/api//",         false, "::1",            11434, "/api",                "[::1]:11434"   },
        {"https://[2001:db8::1]",            true,  "2001:db8::1",    443,   "",                    "[2001:db8::1]" },
        {"HTTPS://Example.COM/A",            true,  "Example.COM",    443,   "/A",                  "Example.COM"   },
        {"http://my_service:65535/a%20b/~x", false, "my_service",     65535, "/a%20b/~x",
         "my_service:65535"                                                                                         },
        {"https://h/x;y=1,2/@:&$!'()*+",     true,  "h",              443,   "/x;y=1,2/@:&$!'()*+", "h"             },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url u;
        const char *why = "x";
        assert_int_equal(url_parse(slice_str(cases[i].text), &u, &why), OK);
        assert_null(why);
        assert_int_equal(u.tls, cases[i].tls);
        assert_int_equal(u.port, cases[i].port);
        assert_true(slice_eq(u.host, slice_str(cases[i].host)));
        assert_true(slice_eq(u.path, slice_str(cases[i].path)));
        assert_true(slice_eq(u.authority, slice_str(cases[i].authority)));
    }
}

static void a_query_is_kept_apart_from_the_path(void **state)
{
    static const struct {
        const char *text, *path, *query;
    } cases[] = {
        {"https://h",                     "",    ""                   },
        {"https://h?api-version=2024-10", "",    "api-version=2024-10"},
        {"https://h/v1/?a=%20&b=/c@d",    "/v1", "a=%20&b=/c@d"       },
    };
    struct url u;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(url_parse(slice_str(cases[i].text), &u, NULL), OK);
        assert_true(slice_eq(u.authority, SLICE("h")));
        assert_true(slice_eq(u.path, slice_str(cases[i].path)));
        assert_true(slice_eq(u.query, slice_str(cases[i].query)));
    }
}

static void bad_urls_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct slice bad[] = {
        SLICE_INIT(""),
        SLICE_INIT("h"),
        SLICE_INIT("//h"),
        SLICE_INIT("ftp://h"),
        SLICE_INIT("http:/h"),
        SLICE_INIT("http://"),
        SLICE_INIT("http:///v1"),
        SLICE_INIT("http://:80"),
        SLICE_INIT(" http://h"),
        SLICE_INIT("http://h "),
        SLICE_INIT("http://h:"),
        SLICE_INIT("http://h:0"),
        SLICE_INIT("http://h:65536"),
        SLICE_INIT("http://h:+80"),
        SLICE_INIT("http://h:8 0"),
        SLICE_INIT("http://h:80:80"),
        SLICE_INIT("http://u@h"),
        SLICE_INIT("http://u:p@h:80/"),
        SLICE_INIT("http://h?"),
        SLICE_INIT("http://h/?#"),
        SLICE_INIT("http://h?q#f"),
        SLICE_INIT("http://h?a b"),
        SLICE_INIT("http://h?a?b"),
        SLICE_INIT("http://h?%0"),
        SLICE_INIT("http://h/#f"),
        SLICE_INIT("http://-h"),
        SLICE_INIT("http://h-"),
        SLICE_INIT("http://h."),
        SLICE_INIT("http://.h"),
        SLICE_INIT("http://a..b"),
        SLICE_INIT("http://a%2eb"),
        SLICE_INIT("http://h\xC3\xA9"),
        SLICE_INIT("http://h\0.x"),
        SLICE_INIT("http://[::1"),
        SLICE_INIT("http://[::g]"),
        SLICE_INIT("http://[]"),
        SLICE_INIT("http://[::1]x"),
        SLICE_INIT("http://[::1%25eth0]"),
        SLICE_INIT("http://[::1\0]"),
        SLICE_INIT("http://::1"),
        SLICE_INIT("http://h/a b"),
        SLICE_INIT("http://h/\r\nX: y"),
        SLICE_INIT("http://h/%"),
        SLICE_INIT("http://h/%4"),
        SLICE_INIT("http://h/%4g"),
        SLICE_INIT("http://h/\""),
        SLICE_INIT("http://h/\\"),
        SLICE_INIT("http://h/\0"),
        SLICE_INIT("http://h/\xC3\xA9"),
        SLICE_INIT("http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct url u;
        const char *why = NULL;
        assert_int_equal(url_parse(bad[i], &u, &why), -EINVAL);
        assert_non_null(why);
        assert_int_equal(url_parse(bad[i], &u, NULL), -EINVAL);
    }
}

static void a_host_name_has_a_longest_length(void **state)
{
    (void)state;
    char text[300] = "http://";
    struct url u;
    for (size_t i = 0; i < 260; i++)
        text[7 + i] = i % 50 == 49 ? '.' : 'a';
    assert_int_equal(url_parse(slice_of(text, 7 + 253), &u, NULL), OK);
    assert_int_equal(url_parse(slice_of(text, 7 + 254), &u, NULL), -EINVAL);
}

static void a_cut_url_is_judged_inside_its_bytes(void **state)
{
    (void)state;
    struct slice all = SLICE("https://[2001:db8::1]:8443/v1/%41");
    for (size_t n = 0; n <= all.len; n++) {
        struct url u;
        if (url_parse(slice_sub(all, 0, n), &u, NULL) == OK)
            assert_true(u.host.len > 0 && u.path.at + u.path.len <= all.at + n);
    }
}

static void assert_text(struct slice got, const char *expected)
{
    assert_true(slice_eq(got, slice_str(expected)));
}

static void parts_are_decoded(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    assert_text(url_decode(SLICE("a%2Fb%c3%a9"), false, &a), "a/b\xc3\xa9");
    assert_text(url_decode(SLICE("a+b"), false, &a), "a+b");
    assert_text(url_decode(SLICE("a+b%2B"), true, &a), "a b+");
    assert_non_null(url_decode((struct slice){0}, true, &a).at);
    assert_null(url_decode(SLICE("%"), false, &a).at);
    assert_null(url_decode(SLICE("a%4"), false, &a).at);
    assert_null(url_decode(SLICE("%zz"), false, &a).at);
    assert_text(url_encode_path(SLICE("Org/a b?c#%\xc3\xa9"), &a), "Org/a%20b%3Fc%23%25%C3%A9");
    assert_text(url_encode_path(SLICE("gpt-4o:1.2_x~@"), &a), "gpt-4o:1.2_x~@");
    arena_clear(&a);
}

static void every_byte_comes_back(void **state)
{
    struct arena a;
    char all[256];

    (void)state;
    arena_init(&a, 0);
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    struct slice bytes = slice_of(all, sizeof(all));
    assert_true(slice_eq(url_decode(url_encode_path(bytes, &a), false, &a), bytes));
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_urls_are_taken_apart),
        cmocka_unit_test(a_query_is_kept_apart_from_the_path),
        cmocka_unit_test(bad_urls_are_refused_with_a_reason),
        cmocka_unit_test(a_host_name_has_a_longest_length),
        cmocka_unit_test(a_cut_url_is_judged_inside_its_bytes),
        cmocka_unit_test(parts_are_decoded),
        cmocka_unit_test(every_byte_comes_back),
    };
    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
