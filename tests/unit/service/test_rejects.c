/* test_rejects.c: a record that was put away is on the disk, and so is the name of its file. */

#include "service/rejects.h"

#include "support/scratch.h"
#include "support/synced.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <cmocka.h>

static void a_record_that_was_put_away_is_safe(void **state)
{
    const struct record r = {.created_wall_us = 1769860800000000};
    struct scratch scratch;
    char path[SCRATCH_PATH];
    struct stat st;

    (void)state;
    scratch_make(&scratch);
    scratch_path(&scratch, "", "rejected.jsonl", path);
    synced_forget();
    assert_int_equal(rejects_write(scratch.path, &r, "why"), OK);
    assert_true(synced_has(path, ""));
    assert_true(synced_has(scratch.path, ""));
    synced_forget();
    assert_int_equal(rejects_write(scratch.path, &r, "why"), OK);
    assert_true(synced_has(path, ""));
    assert_false(synced_has(scratch.path, "")); /* its name is known */
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(rejects_write("/dev/null", &r, "why"), -ENOTDIR);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_that_was_put_away_is_safe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
