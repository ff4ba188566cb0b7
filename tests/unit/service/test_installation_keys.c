/* test_installation_keys.c: a store agrees with one secret_key; a rotation keeps the hash key. */

#include "service/installation_keys.h"

#include "repository/installation_repo.h"
#include "repository/repository.h"

#include "support/scratch.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <limits.h>
#include <stdlib.h>
#include <cmocka.h>

struct fixture {
    struct scratch scratch;
    struct db *db;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char url[PATH_MAX + 16], why[REPOSITORY_WHY];

    scratch_make(&f->scratch);
    scratch_path(&f->scratch, "sqlite:", "courier.db", url);
    assert_int_equal(repository_open(slice_str(url), why, &f->db), OK);
    assert_int_equal(repository_migrate(f->db, NULL, why), OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    repository_close(f->db);
    scratch_remove(&f->scratch);
    free(f);
    return 0;
}

static struct installation_keys keys_of(const char *secret)
{
    struct installation_keys k;

    assert_int_equal(installation_keys_derive(secret_of(slice_str(secret)), &k), OK);
    return k;
}

static void replace(struct fixture *f, const struct installation_keys *from,
                    struct installation_keys *to)
{
    assert_int_equal(repository_begin(f->db), OK);
    assert_int_equal(repository_end(f->db, installation_keys_replace(from, to, f->db)), OK);
}

static void an_empty_secret_is_none(void **state)
{
    struct installation_keys k;

    (void)state;
    assert_int_equal(installation_keys_derive(secret_of(SLICE("")), &k), -EINVAL);
}

static void the_first_secret_is_the_stores(void **state)
{
    struct fixture *f = *state;
    struct installation_keys first = keys_of("first"), other = keys_of("other");

    assert_int_equal(installation_keys_read(&other, f->db), OK); /* nobody has said anything yet */
    assert_int_equal(installation_keys_agree(&first, f->db), OK);
    assert_int_equal(installation_keys_agree(&first, f->db), OK);
    assert_int_equal(installation_keys_agree(&other, f->db), -EKEYREJECTED);
    assert_int_equal(installation_keys_read(&other, f->db), -EKEYREJECTED);
}

static void a_rotation_keeps_the_hash_key(void **state)
{
    struct fixture *f = *state;
    struct installation_keys first = keys_of("first"), second = keys_of("second");
    struct installation_keys third = keys_of("third"), again = keys_of("third");

    assert_int_equal(installation_keys_agree(&first, f->db), OK);
    assert_memory_not_equal(first.hash_key, second.hash_key, sizeof(first.hash_key));
    replace(f, &first, &second);
    assert_memory_equal(first.hash_key, second.hash_key, sizeof(first.hash_key));
    assert_int_equal(installation_keys_read(&first, f->db), -EKEYREJECTED);
    replace(f, &second, &third);
    assert_int_equal(installation_keys_read(&again, f->db), OK);
    assert_memory_equal(first.hash_key, again.hash_key, sizeof(first.hash_key));
}

/* The hash key at hand may be another store's, of a snapshot file. */
static void a_store_that_was_never_rotated_has_the_derived_hash_key(void **state)
{
    struct fixture *f = *state;
    struct installation_keys first = keys_of("first"), moved = keys_of("first");

    assert_int_equal(installation_keys_agree(&first, f->db), OK);
    memset(moved.hash_key, 7, sizeof(moved.hash_key));
    assert_int_equal(installation_keys_read(&moved, f->db), OK);
    assert_memory_equal(first.hash_key, moved.hash_key, sizeof(first.hash_key));
}

static void what_was_tampered_with_is_noticed(void **state)
{
    static const char *const wrong[] = {"", "zz", "00"};
    struct fixture *f = *state;
    struct installation_keys first = keys_of("first"), second = keys_of("second");
    struct arena a;
    struct slice text;

    assert_int_equal(installation_keys_agree(&first, f->db), OK);
    replace(f, &first, &second);
    arena_init(&a, 0);
    assert_int_equal(installation_repo_find(f->db, SLICE("hash_key"), &a, &text), OK);
    for (size_t i = 0; i < text.len; i++) {
        char *at = (char *)(uintptr_t)text.at;
        char was = at[i];
        at[i] = was == '0' ? '1' : '0';
        assert_int_equal(installation_repo_set(f->db, SLICE("hash_key"), text), OK);
        assert_int_equal(installation_keys_read(&second, f->db), -EBADMSG);
        at[i] = was;
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(installation_repo_set(f->db, SLICE("hash_key"), slice_str(wrong[i])), OK);
        assert_int_equal(installation_keys_read(&second, f->db), -EBADMSG);
    }
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_secret_is_none),
        cmocka_unit_test_setup_teardown(the_first_secret_is_the_stores, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rotation_keeps_the_hash_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_that_was_never_rotated_has_the_derived_hash_key,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_tampered_with_is_noticed, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
