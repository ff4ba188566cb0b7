/* test_key_repo.c: users and keys in and out. */

#include "repository/key_repo.h"
#include "repository/user_repo.h"

#include "support/store_rig.h"
#include "support/alloc_fail.h"

#include <errno.h>

static const uint64_t noon = 1769860800000000; /* 2026-01-31T12:00:00Z */

static int64_t add_user(struct store_rig *r, const char *name)
{
    struct user_row row = {.name = slice_str(name), .created_wall_us = noon};

    assert_int_equal(user_repo_add(r->db, &row), OK);
    return row.id;
}

static struct key_row key_of(int64_t user, unsigned char first)
{
    return (struct key_row){
        .user_id = user,
        .name = SLICE("laptop"),
        .prefix = SLICE("sk-cr-abcdef"),
        .hash = {first, 2, 3},
        .rpm = 60,
        .tpm = 90000,
        .concurrency = 4,
        .models = SLICE("gpt-4o,claude-sonnet"),
        .expires_wall_us = noon + 1000,
        .created_wall_us = noon
    };
}

static struct key_row add_key(struct store_rig *r, int64_t user, unsigned char first)
{
    struct key_row row = key_of(user, first);

    assert_int_equal(key_repo_add(r->db, &row), OK);
    return row;
}

static void users_are_found_by_name(void **state)
{
    struct store_rig *r = *state;
    struct user_row row = {.name = SLICE("alice"), .created_wall_us = noon}, found;

    assert_int_equal(user_repo_find(r->db, SLICE("alice"), &r->arena, &found), -ENOENT);
    assert_int_equal(user_repo_add(r->db, &row), OK);
    assert_int_equal(user_repo_find(r->db, SLICE("alice"), &r->arena, &found), OK);
    assert_int_equal(found.id, row.id);
    assert_true(slice_eq(found.name, row.name));
    assert_int_equal(found.created_wall_us, noon);
    assert_int_equal(user_repo_add(r->db, &row), -EEXIST);
    assert_sql(r, "SELECT created_at FROM users", "2026-01-31T12:00:00.000Z");
}

static void a_key_comes_back_as_it_was(void **state)
{
    struct store_rig *r = *state;
    struct key_row row = add_key(r, add_user(r, "alice"), 1), found;

    assert_int_equal(key_repo_find_by_hash(r->db, row.hash, &r->arena, &found), OK);
    assert_int_equal(found.id, row.id);
    assert_int_equal(found.user_id, row.user_id);
    assert_true(slice_eq(found.user_name, SLICE("alice")));
    assert_true(slice_eq(found.name, row.name));
    assert_true(slice_eq(found.prefix, row.prefix));
    assert_memory_equal(found.hash, row.hash, sizeof(row.hash));
    assert_false(found.admin);
    assert_false(found.revoked);
    assert_int_equal(found.rpm, 60);
    assert_int_equal(found.tpm, 90000);
    assert_int_equal(found.concurrency, 4);
    assert_true(slice_eq(found.models, row.models));
    assert_int_equal(found.expires_wall_us, noon + 1000);
    assert_int_equal(found.created_wall_us, noon);
    assert_false(found.from_file);
    assert_int_equal(key_repo_add(r->db, &row), -EEXIST);
}

static void a_key_needs_its_user(void **state)
{
    struct store_rig *r = *state;
    struct key_row row = key_of(99, 1);

    assert_int_equal(key_repo_add(r->db, &row), -EEXIST);
    assert_non_null(strstr(repository_error(r->db), r->postgres ? "foreign key" : "FOREIGN KEY"));
}

static void keys_are_listed_oldest_first(void **state)
{
    struct store_rig *r = *state;
    int64_t user = add_user(r, "alice");
    struct key_row *rows;
    size_t n;

    assert_int_equal(key_repo_list(r->db, &r->arena, &rows, &n), OK);
    assert_int_equal(n, 0);
    for (unsigned i = 0; i < 100; i++)
        add_key(r, user, (unsigned char)(255 - i));
    assert_int_equal(key_repo_list(r->db, &r->arena, &rows, &n), OK);
    assert_int_equal(n, 100);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(rows[i].hash[0], 255 - i);
}

static void an_update_writes_all_but_user_and_birth(void **state)
{
    struct store_rig *r = *state;
    struct key_row row = add_key(r, add_user(r, "alice"), 1), found;

    row.hash[0] = 9;
    row.admin = row.from_file = row.revoked = true;
    row.name = SLICE("other");
    row.expires_wall_us = 0;
    row.created_wall_us = 5;
    assert_int_equal(key_repo_update(r->db, &row), OK);
    assert_int_equal(key_repo_find_from_file(r->db, &r->arena, &found), OK);
    assert_int_equal(found.hash[0], 9);
    assert_true(found.admin && found.revoked);
    assert_true(slice_eq(found.name, SLICE("other")));
    assert_int_equal(found.expires_wall_us, 0);
    assert_int_equal(found.created_wall_us, noon);
    assert_sql(r, "SELECT status FROM api_keys WHERE expires_at IS NULL", "revoked");
    row.id = 1000;
    assert_int_equal(key_repo_update(r->db, &row), -ENOENT);
}

static void revoking_twice_is_ok(void **state)
{
    struct store_rig *r = *state;
    struct key_row row = add_key(r, add_user(r, "alice"), 1), found;

    assert_int_equal(key_repo_revoke(r->db, row.id, 1), OK);
    assert_int_equal(key_repo_revoke(r->db, row.id, 1), OK);
    assert_int_equal(key_repo_find_by_hash(r->db, row.hash, &r->arena, &found), OK);
    assert_true(found.revoked);
    assert_int_equal(key_repo_revoke(r->db, row.id + 1, 1), -ENOENT);
}

static void ids_are_never_given_twice(void **state)
{
    struct store_rig *r = *state;
    int64_t user = add_user(r, "alice");
    struct key_row first = add_key(r, user, 1);

    assert_int_equal(db_exec(r->db, "DELETE FROM api_keys"), OK);
    assert_true(add_key(r, user, 2).id > first.id);
}

static uint64_t admin_until(struct store_rig *r, uint64_t now)
{
    uint64_t until;

    assert_int_equal(key_repo_admin_until(r->db, now, &until), OK);
    return until;
}

static void an_admin_counts_while_he_may_enter(void **state)
{
    struct store_rig *r = *state;
    int64_t user = add_user(r, "alice");

    add_key(r, user, 1);
    assert_int_equal(admin_until(r, noon), 0);
    struct key_row row = key_of(user, 2), longer = key_of(user, 3);
    row.admin = longer.admin = true;
    row.expires_wall_us = noon + 1000000;
    longer.expires_wall_us = noon + 2000000;
    assert_int_equal(key_repo_add(r->db, &longer), OK);
    assert_int_equal(key_repo_add(r->db, &row), OK);
    assert_int_equal(admin_until(r, noon), noon + 2000000);
    assert_int_equal(admin_until(r, noon + 1000000), noon + 2000000);
    assert_int_equal(admin_until(r, noon + 2000000), 0);
    row.expires_wall_us = 0;
    assert_int_equal(key_repo_update(r->db, &row), OK);
    assert_true(admin_until(r, noon + 2000000) == KEY_REPO_FOR_EVER);
    assert_int_equal(key_repo_revoke(r->db, row.id, 1), OK);
    assert_int_equal(admin_until(r, noon), noon + 2000000);
}

static void a_hash_of_a_wrong_length_ends_that_key_only(void **state)
{
    struct store_rig *r = *state;
    struct key_row row = add_key(r, add_user(r, "alice"), 1), *rows;
    size_t n;

    add_key(r, row.user_id, 2);
    assert_int_equal(db_exec(r->db, r->postgres ? "UPDATE api_keys SET hash = '\\x00' WHERE id = 1"
                                                : "UPDATE api_keys SET hash = x'00' WHERE id = 1"),
                     OK);
    assert_int_equal(key_repo_list(r->db, &r->arena, &rows, &n), OK);
    assert_int_equal(n, 2);
    assert_true(rows[0].revoked);
    assert_false(rows[1].revoked);
}

static void the_catalog_moves_with_keys(void **state)
{
    struct store_rig *r = *state;
    struct key_row row = add_key(r, add_user(r, "alice"), 1);
    uint64_t version = store_rig_version(r);

    assert_int_equal(key_repo_revoke(r->db, row.id, 1), OK);
    assert_true(store_rig_version(r) > version);
    version = store_rig_version(r);
    assert_int_equal(db_exec(r->db, "UPDATE users SET name = 'bob'"), OK);
    assert_true(store_rig_version(r) > version);
    version = store_rig_version(r);
    assert_int_equal(db_exec(r->db, "DELETE FROM api_keys"), OK);
    assert_true(store_rig_version(r) > version);
}

static void out_of_memory_is_told(void **state)
{
    struct store_rig *r = *state;
    int64_t user = add_user(r, "alice");
    struct key_row *rows;
    size_t n;

    for (unsigned i = 0; i < 40; i++)
        add_key(r, user, (unsigned char)i);
    for (unsigned i = 1;; i++) {
        struct arena arena;
        arena_init(&arena, 0);
        alloc_fail_at(i);
        int rc = key_repo_list(r->db, &arena, &rows, &n);
        bool hit = alloc_fail_hit();
        arena_clear(&arena);
        assert_int_equal(rc, hit ? -ENOMEM : OK);
        if (!hit)
            break;
    }
    assert_int_equal(n, 40);
}

/* Hears keys and keeps their ids; stops at one of them. */
struct listener {
    struct key_ear ear;
    int64_t ids[64];
    size_t len;
    int64_t stop_at;
};

static int listen(struct key_ear *ear, const struct key_row *row)
{
    struct listener *l = container_of(ear, struct listener, ear);

    assert_true(l->len < ARRAY_LEN(l->ids));
    l->ids[l->len++] = row->id;
    return row->id == l->stop_at ? -ECANCELED : OK;
}

static void assert_read(struct store_rig *r, uint64_t behind, const char *ids)
{
    struct listener l = {.ear = {listen}};
    char text[256] = "";

    assert_int_equal(key_repo_read(r->db, (int64_t)behind, &l.ear), OK);
    for (size_t i = 0; i < l.len; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%lld ", (long long)l.ids[i]);
    assert_string_equal(text, ids);
}

static void keys_are_read_in_the_order_of_their_changes(void **state)
{
    struct store_rig *r = *state;
    int64_t ann = add_user(r, "ann"), bob = add_user(r, "bob");

    for (unsigned char i = 1; i <= 4; i++)
        assert_int_equal(add_key(r, i % 2 ? ann : bob, i).id, i);
    assert_read(r, (uint64_t)KEY_REPO_ALL, "1 2 3 4 ");
    uint64_t version = store_rig_version(r);
    assert_read(r, version, "");
    assert_int_equal(key_repo_revoke(r->db, 2, 1), OK);
    assert_read(r, version, "2 ");
    assert_int_equal(key_repo_revoke(r->db, 1, 1), OK);
    assert_read(r, version, "2 1 ");
    assert_read(r, (uint64_t)KEY_REPO_ALL, "3 4 2 1 ");

    version = store_rig_version(r);
    assert_int_equal(db_exec(r->db, "UPDATE users SET name = 'robert' WHERE name = 'bob'"), OK);
    assert_read(r, version, "2 4 ");
}

static void an_ear_may_stop(void **state)
{
    struct store_rig *r = *state;
    int64_t ann = add_user(r, "ann");
    struct listener l = {.ear = {listen}, .stop_at = 2};

    for (unsigned char i = 1; i <= 3; i++)
        add_key(r, ann, i);
    assert_int_equal(key_repo_read(r->db, KEY_REPO_ALL, &l.ear), -ECANCELED);
    assert_int_equal(l.len, 2);
    assert_read(r, (uint64_t)KEY_REPO_ALL, "1 2 3 ");
}

static struct repository_versions versions_of(struct store_rig *r)
{
    struct repository_versions versions;

    assert_int_equal(repository_versions(r->db, &versions), OK);
    return versions;
}

/* Deleted, or under another hash: no row tells of it any more. */
static void a_key_that_goes_without_a_trace_is_told(void **state)
{
    struct store_rig *r = *state;
    struct key_row row = add_key(r, add_user(r, "ann"), 1);
    struct repository_versions before = versions_of(r);

    assert_int_equal(key_repo_revoke(r->db, row.id, 1), OK);
    assert_int_equal(versions_of(r).keys_gone, before.keys_gone);
    row.hash[0] = 9;
    assert_int_equal(key_repo_update(r->db, &row), OK);
    struct repository_versions moved = versions_of(r);
    assert_true(moved.keys_gone > before.catalog);
    assert_true(moved.keys_gone <= moved.catalog);
    assert_int_equal(key_repo_update(r->db, &row), OK); /* the same hash is no move */
    assert_int_equal(versions_of(r).keys_gone, moved.keys_gone);
    before = versions_of(r);
    assert_int_equal(db_exec(r->db, "DELETE FROM api_keys"), OK);
    assert_true(versions_of(r).keys_gone > before.catalog);
    assert_int_equal(versions_of(r).registry, before.registry);
}

/* What somebody wrote into the database by hand must not make a key live for ever. */
static void an_expiry_that_is_no_time_is_past(void **state)
{
    struct store_rig *r = *state;
    struct key_row row = add_key(r, add_user(r, "alice"), 1), found;

    assert_int_equal(db_exec(r->db, r->postgres ? "UPDATE api_keys SET expires_at = '-infinity'"
                                                : "UPDATE api_keys SET expires_at = 'soon'"),
                     OK);
    assert_int_equal(key_repo_find_by_id(r->db, row.id, &r->arena, &found), OK);
    assert_int_equal(found.expires_wall_us, 1);
    assert_int_equal(db_exec(r->db, "UPDATE api_keys SET expires_at = 'infinity'"), OK);
    assert_int_equal(key_repo_find_by_id(r->db, row.id, &r->arena, &found), OK);
    assert_int_equal(found.expires_wall_us, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(an_expiry_that_is_no_time_is_past),
        STORE_TEST(users_are_found_by_name),
        STORE_TEST(a_key_comes_back_as_it_was),
        STORE_TEST(a_key_needs_its_user),
        STORE_TEST(keys_are_listed_oldest_first),
        STORE_TEST(an_update_writes_all_but_user_and_birth),
        STORE_TEST(revoking_twice_is_ok),
        STORE_TEST(ids_are_never_given_twice),
        STORE_TEST(an_admin_counts_while_he_may_enter),
        STORE_TEST(a_hash_of_a_wrong_length_ends_that_key_only),
        STORE_TEST(the_catalog_moves_with_keys),
        STORE_TEST(out_of_memory_is_told),
        STORE_TEST(keys_are_read_in_the_order_of_their_changes),
        STORE_TEST(an_ear_may_stop),
        STORE_TEST(a_key_that_goes_without_a_trace_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
