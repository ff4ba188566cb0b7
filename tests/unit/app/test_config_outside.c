/* Variables and files in a configuration's values, and real files. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/config_outside.h"
#include "app/settings.h"
#include "support/alloc_fail.h"
#include "support/scratch.h"

#include <errno.h>
#include <sys/stat.h>

struct fixture {
    struct scratch scratch;
    char path[SCRATCH_PATH];
    struct arena arena;
    struct config_faults faults;
};

static int setup(void **state)
{
    static struct fixture f;

    scratch_make(&f.scratch);
    scratch_path(&f.scratch, "", "secret", f.path);
    arena_init(&f.arena, 0);
    config_faults_init(&f.faults, &f.arena, SLICE("f"));
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_clear(&f->arena);
    scratch_remove(&f->scratch);
    return 0;
}

static const char *env(const char *name)
{
    return strcmp(name, "A") == 0 ? "value of A" : strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static int file(const char *path, struct arena *a, struct slice *ret)
{
    if (strcmp(path, "/run/password") != 0)
        return strcmp(path, "/huge") == 0 ? -EFBIG : -ENOENT;
    *ret = arena_copy(a, SLICE("pass${A}word")); /* not looked into again */
    return ret->at ? OK : -ENOMEM;
}

static const struct config_outside outside = {env, file};

static void test_replaced(void **state)
{
    static const char *const pairs[][2] = {
        {"plain",                                     "plain"                                  },
        {"",                                          ""                                       },
        {"${A}",                                      "value of A"                             },
        {"-${A}${EMPTY}-",                            "-value of A-"                           },
        {"${file:/run/password}",                     "pass${A}word"                           },
        {"postgres://u:${file:/run/password}@h/d",    "postgres://u:pass${A}word@h/d"          },
        {"${A}/${file:/run/password}/${A}",           "value of A/pass${A}word/value of A"     },
        {"$${A} $${file:/run/password} $A file:/x }", "${A} ${file:/run/password} $A file:/x }"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct slice text = slice_str(pairs[i][0]);
        bool replaced, wanted = strstr(pairs[i][0], "${") && strncmp(pairs[i][0], "$$", 2) != 0;
        assert_int_equal(config_outside_replace(&outside, &f->faults, 1, &text, &replaced), OK);
        assert_true(slice_eq(text, slice_str(pairs[i][1])));
        assert_int_equal(replaced, wanted);
    }
    assert_int_equal(f->faults.len, 0);
}

static void test_faults(void **state)
{
    static const char *const pairs[][2] = {
        {"${B}",                  "the environment variable B is not set"                      },
        {"${file:/not/there}",
         "the file /not/there cannot be used: ENOENT: no such file or directory"               },
        {"${file:/huge}",         "the file /huge cannot be used: the file is larger than 64KB"},
        {"${file:}",              "a variable is not written as it should be"                  },
        {"${file:/run/password",  "a variable is not written as it should be"                  },
        {"${File:/run/password}", "a variable is not written as it should be"                  },
        {"${}",                   "a variable is not written as it should be"                  },
        {"${",                    "a variable is not written as it should be"                  },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct slice text = slice_str(pairs[i][0]);
        bool replaced;
        int rc = config_outside_replace(&outside, &f->faults, 7, &text, &replaced);
        assert_int_equal(rc, -EINVAL);
        assert_int_equal(f->faults.len, i + 1);
        assert_int_equal(f->faults.at[i].line, 7);
        assert_true(slice_eq(f->faults.at[i].message, slice_str(pairs[i][1])));
    }
}

static void test_cut_at_every_byte(void **state)
{
    static const char whole[] = "a${A}b$${c}${file:/run/password}${file:/not/there}d";
    struct fixture *f = *state;

    for (size_t n = 0; n < sizeof(whole); n++) {
        char *cut = malloc(n + 1); /* exact: a read past the end is seen */
        assert_non_null(cut);
        memcpy(cut, whole, n);
        struct slice text = slice_of(cut, n);
        bool replaced;
        size_t before = f->faults.len;
        int rc = config_outside_replace(&outside, &f->faults, 1, &text, &replaced);
        assert_int_equal(f->faults.len - before, rc == -EINVAL);
        assert_true(rc == OK || rc == -EINVAL);
        free(cut);
    }
}

static void test_out_of_memory(void **state)
{
    struct fixture *f = *state;

    for (unsigned n = 1;; n++) {
        struct slice text = SLICE("${A}${file:/run/password}");
        bool replaced;
        arena_clear(&f->arena);
        alloc_fail_at(n);
        int rc = config_outside_replace(&outside, &f->faults, 1, &text, &replaced);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        assert_int_equal(rc, hit ? -ENOMEM : OK);
        if (!hit)
            break;
    }
    assert_int_equal(f->faults.len, 0);
}

static int read_as(struct fixture *f, const char *text, size_t n, struct slice *ret)
{
    FILE *out = fopen(f->path, "w");

    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, n, out), n);
    fclose(out);
    return config_outside_process.file(f->path, &f->arena, ret);
}

static void test_real_files(void **state)
{
    static char large[OUTSIDE_FILE_MOST + 3];
    struct fixture *f = *state;
    struct slice text;

    assert_int_equal(read_as(f, "key\n", 4, &text), OK);
    assert_true(slice_eq(text, SLICE("key")));
    assert_int_equal(read_as(f, "two\nlines\r\n\r\n", 13, &text), OK);
    assert_true(slice_eq(text, SLICE("two\nlines")));
    assert_int_equal(read_as(f, "", 0, &text), -ENODATA);
    assert_int_equal(read_as(f, "\n\n", 2, &text), -ENODATA);
    assert_int_equal(read_as(f, "a\0b", 3, &text), -EBADMSG);
    memset(large, 'x', sizeof(large));
    assert_int_equal(read_as(f, large, sizeof(large), &text), -EFBIG);
    assert_int_equal(read_as(f, large, OUTSIDE_FILE_MOST + 1, &text), -EFBIG);
    assert_int_equal(read_as(f, large, OUTSIDE_FILE_MOST, &text), OK);
    assert_int_equal(text.len, OUTSIDE_FILE_MOST);
}

static void test_what_is_no_file(void **state)
{
    struct fixture *f = *state;
    struct slice text;

    assert_int_equal(config_outside_process.file(f->path, &f->arena, &text), -ENOENT);
    assert_int_equal(config_outside_process.file(f->scratch.path, &f->arena, &text), -ENOTSUP);
    assert_int_equal(mkfifo(f->path, 0600), 0);
    assert_int_equal(config_outside_process.file(f->path, &f->arena, &text), -ENOTSUP);
}

static void test_real_environment(void **state)
{
    (void)state;
    setenv("COURIER_TEST_OF_THE_ENVIRONMENT", "x", 1);
    assert_string_equal(config_outside_process.env("COURIER_TEST_OF_THE_ENVIRONMENT"), "x");
    unsetenv("COURIER_TEST_OF_THE_ENVIRONMENT");
    assert_null(config_outside_process.env("COURIER_TEST_OF_THE_ENVIRONMENT"));
}

/* NAME_FILE must not be the name of another setting. */
static void test_no_name_is_taken(void **state)
{
    char a[SETTINGS_ENV_NAME], b[SETTINGS_ENV_NAME], joined[SETTINGS_ENV_NAME + 8];

    (void)state;
    for (const struct setting *s = settings_table; s->path; s++)
        for (const struct setting *t = settings_table; t->path; t++) {
            settings_env_name(s, a);
            settings_env_name(t, b);
            snprintf(joined, sizeof(joined), "%s_FILE", a);
            assert_string_not_equal(joined, b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_at_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_of_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_real_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_file, setup, teardown),
        cmocka_unit_test(test_real_environment),
        cmocka_unit_test(test_no_name_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
