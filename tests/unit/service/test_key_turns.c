/* test_key_turns.c: whoever changes keys and users takes turns, so that two never wait for each
 * other's rows in a circle: with a server the one or the other would fail. */

#include "repository/repository.h"
#include "service/admin.h"
#include "service/key_admin.h"
#include "store/db.h"

#include "support/postgres.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static struct admin *open_admin(const char *url)
{
    const struct admin_options options = {slice_str(url), secret_of(SLICE("the secret"))};
    struct admin *admin;

    assert_int_equal(admin_open(&options, &admin), OK);
    return admin;
}

/* An administrator changes a user, which locks the catalog before the user's keys; a revocation
 * would lock its key before the catalog. */
static void a_revocation_waits_for_its_turn(void **state)
{
    struct key_wish wish = {.user = SLICE("ann")};
    char url[POSTGRES_URL];
    struct arena arena;
    struct key_row row;
    struct secret key;

    (void)state;
    arena_init(&arena, 0);
    postgres_make(url);
    struct admin *first = open_admin(url), *second = open_admin(url);
    assert_int_equal(key_admin_create(first, &wish, &arena, &row, &key), OK);
    assert_int_equal(repository_begin(first->db), OK);
    repository_set_patience(second->db, 1);
    assert_int_equal(key_admin_revoke(second, row.id), -EBUSY);
    assert_int_equal(db_exec(first->db, "UPDATE users SET name = 'anna'"), OK);
    assert_int_equal(repository_end(first->db, OK), OK);
    assert_int_equal(key_admin_revoke(second, row.id), OK);
    assert_int_equal(key_admin_revoke(second, row.id + 1), -ENOENT);
    admin_close(first);
    admin_close(second);
    postgres_drop(url);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revocation_waits_for_its_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
