/* test_snapshot_failover.c: another database stands where the one was that had been loaded: a
 * backup, or a server that took over without the last changes. Its numbers of changes go on where
 * they like. */

#include "service/snapshot_keeper.h"

#include "repository/repository.h"
#include "service/admin.h"
#include "service/key_admin.h"
#include "service/key_table.h"
#include "store/db.h"

#include "support/postgres.h"

#include <sched.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

struct fixture {
    char url[POSTGRES_URL], copy_url[POSTGRES_URL];
    const char *name; /* of the database */
    struct snapshot_slot *slot;
    struct snapshot_keeper *keeper;
    struct arena arena;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char copy[80];

    arena_init(&f->arena, 0);
    postgres_make(f->url);
    f->name = strrchr(f->url, '/') + 1;
    snprintf(copy, sizeof(copy), "%.60s_copy", f->name);
    postgres_url(copy, f->copy_url);
    f->slot = snapshot_slot_new();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    snapshot_keeper_stop(f->keeper);
    snapshot_slot_free(f->slot);
    arena_clear(&f->arena);
    postgres_drop(f->url);
    postgres_drop(f->copy_url);
    free(f);
    return 0;
}

static struct admin *open_admin(const char *url)
{
    const struct admin_options options = {slice_str(url), secret_of(SLICE("the secret"))};
    struct admin *admin;

    assert_int_equal(admin_open(&options, &admin), OK);
    return admin;
}

static int64_t make_key(struct fixture *f, struct admin *admin, const char *user)
{
    struct key_wish wish = {.user = slice_str(user)};
    struct key_row row;
    struct secret key;

    assert_int_equal(key_admin_create(admin, &wish, &f->arena, &row, &key), OK);
    return row.id;
}

static uint64_t version_of(struct admin *admin)
{
    uint64_t version;

    assert_int_equal(repository_catalog_version(admin->db, &version), OK);
    return version;
}

static void server_do(const char *format, const char *name)
{
    char sql[256];

    snprintf(sql, sizeof(sql), format, name, name);
    postgres_do(NULL, sql);
}

#define END_SESSIONS                                                                               \
    "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = '%s'"

/* The copy takes the database's place. */
static void fail_over(struct fixture *f)
{
    char renamed[256];

    server_do("ALTER DATABASE %s ALLOW_CONNECTIONS false", f->name);
    server_do(END_SESSIONS, f->name);
    server_do("DROP DATABASE %s", f->name);
    snprintf(renamed, sizeof(renamed), "ALTER DATABASE %s RENAME TO %s",
             strrchr(f->copy_url, '/') + 1, f->name);
    postgres_do(NULL, renamed);
}

static bool has_key(struct fixture *f, int64_t id)
{
    const struct snapshot *s = snapshot_take(f->slot);
    struct key_place at = {0};
    const unsigned char *hash;
    const struct principal *p = NULL;

    while (s && (p = key_table_next(s->keys, &at, &hash)))
        if (p->key_id == id)
            break;
    snapshot_drop(s);
    return p;
}

static void a_change_under_a_number_that_was_loaded_is_seen(void **state)
{
    struct fixture *f = *state;
    struct snapshot_keeper_options options = {
        .store = slice_str(f->url), .secret_key = secret_of(SLICE("the secret")), .slot = f->slot};
    char sql[256];
    struct admin *admin = open_admin(f->url);
    int64_t ann = make_key(f, admin, "ann");

    admin_close(admin);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE %s", strrchr(f->copy_url, '/') + 1,
             f->name);
    postgres_do(NULL, sql);
    admin = open_admin(f->url);
    int64_t bob = make_key(f, admin, "bob");
    uint64_t lost = version_of(admin);
    admin_close(admin);
    assert_int_equal(snapshot_keeper_start(&options, &f->keeper), OK);
    assert_true(has_key(f, ann) && has_key(f, bob));

    admin = open_admin(f->copy_url);
    assert_int_equal(key_admin_revoke(admin, ann), OK);
    while (version_of(admin) < lost)
        assert_int_equal(db_exec(admin->db, "UPDATE users SET name = name"), OK);
    assert_int_equal(version_of(admin), lost);
    admin_close(admin);
    fail_over(f);
    while (has_key(f, ann) || has_key(f, bob))
        sched_yield();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_under_a_number_that_was_loaded_is_seen, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
