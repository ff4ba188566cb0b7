/* test_store_url.c: what is shown of a store's URL, and what is refused before libpq sees it. */

#include "codec/store_url.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void what_is_secret_is_not_shown(void **state)
{
    static const char *const cases[][2] = {
        {"sqlite:./data/courier.db",                    "sqlite:./data/courier.db"     },
        {"postgres://me:secret@db:5432/courier",        "postgres://me@db:5432/courier"},
        {"postgresql://me:sec:ret@db/courier",          "postgres://me@db/courier"     },
        {"postgres://db/courier",                       "postgres://db/courier"        },
        {"postgres://me@db",                            "postgres://me@db"             },
        {"postgres://:secret@db/d",                     "postgres://db/d"              },
        {"postgres:///courier?password=secret",         "postgres:///courier"          },
        {"postgres://me:s%40@[::1]:5,b:6/d?sslmode=on", "postgres://me@[::1]:5,b:6/d"  },
        {"postgres://me:secret@secret@db/d",            "postgres://…"               },
        {"postgres://me:secret/secret@db/d",            "postgres://…"               },
        {"postgres://me:secret?secret@db/d",            "postgres://…"               },
        {"postgres://me:secret%zz@db/d",                "postgres://…"               },
        {"postgres:me:secret@db/d",                     "postgres://…"               },
    };
    char shown[STORE_URL_SHOWN];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(store_url_redact(slice_str(cases[i][0]), shown), cases[i][1]);
}

static void what_is_wrong_is_told(void **state)
{
    static const struct {
        const char *url, *words;
    } cases[] = {
        {"postgres://me:secret@db:5432/courier?a=b", NULL   },
        {"postgresql://db",                          NULL   },
        {"postgres:///d?host=/run/postgresql",       NULL   },
        {"postgres://me:secret/d",                   "port" },
        {"postgres://a:1,[::1]:x/d",                 "port" },
        {"postgres://a:b@[::1],b:5,c",               NULL   },
        {"postgres:db",                              "is no"},
        {"sqlite:a",                                 "is no"},
        {"",                                         "is no"},
        {"postgres://a@b@c",                         "%40"  },
        {"postgres://a:b/c@d",                       "%2F"  },
        {"postgres://a:b?c@d",                       "%3F"  },
        {"postgres://a:b%@c",                        "%25"  },
        {"postgres://a:%2@c",                        "%25"  },
        {"postgres://a:b c@d",                       "blank"},
        {"postgres://a:b@d\n",                       "blank"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *fault = store_url_fault(slice_str(cases[i].url));
        if (!fault != !cases[i].words || (fault && !strstr(fault, cases[i].words)))
            fail_msg("%s: %s", cases[i].url, fault ? fault : "taken");
    }
}

/* Wherever it is cut, nothing of the password is shown. */
static void cut_anywhere_nothing_secret_is_shown(void **state)
{
    static const char url[] = "postgres://me:XYXY@db.example:5432/courier?sslmode=require";
    char shown[STORE_URL_SHOWN];

    (void)state;
    for (size_t n = 0; n < sizeof(url); n++) {
        char *copy = malloc(n + 1); /* so that a read beyond the end is seen */
        memcpy(copy, url, n);
        struct slice cut = slice_of(copy, n);
        (void)store_url_fault(cut);
        store_url_redact(cut, shown);
        assert_null(strstr(shown, "XY"));
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_secret_is_not_shown),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(cut_anywhere_nothing_secret_is_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
