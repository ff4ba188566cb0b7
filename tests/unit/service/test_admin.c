/* test_admin.c: keys made, configured, revoked; the file's registry carried into the store. */

#include "service/key_admin.h"
#include "service/registry_admin.h"

#include "io/crypto.h"
#include "base/clock.h"
#include "repository/key_repo.h"
#include "repository/model_repo.h"
#include "repository/provider_repo.h"
#include "repository/repository.h"
#include "service/admin.h"
#include "service/key_service.h"
#include "service/snapshot.h"
#include "store/db.h"

#include "support/alloc_fail.h"
#include "support/scratch.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

struct fixture {
    struct scratch scratch;
    char url[SCRATCH_PATH];
    struct admin *admin;
    struct arena arena;
};

static int open_with(struct fixture *f, const char *secret)
{
    struct admin_options options = {.store = slice_str(f->url),
                                    .secret_key = secret_of(slice_str(secret))};

    return admin_open(&options, &f->admin);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    scratch_make(&f->scratch);
    scratch_path(&f->scratch, "sqlite:", "courier.db", f->url);
    arena_init(&f->arena, 0);
    assert_int_equal(open_with(f, "the secret"), OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    admin_close(f->admin);
    arena_clear(&f->arena);
    scratch_remove(&f->scratch);
    free(f);
    return 0;
}

static struct key_row create(struct fixture *f, const struct key_wish *wish,
                             struct slice *ret_token)
{
    struct key_row row;
    struct secret key;

    assert_int_equal(key_admin_create(f->admin, wish, &f->arena, &row, &key), OK);
    *ret_token = secret_reveal(key);
    return row;
}

static size_t list(struct fixture *f, struct key_row **ret)
{
    size_t n;

    assert_int_equal(key_admin_list(f->admin, &f->arena, ret, &n), OK);
    return n;
}

/* Whether a worker would let the token in, by what the store holds now. */
static bool may_enter(struct fixture *f, const char *secret, struct slice token)
{
    unsigned char hash_key[KEY_HASH_LEN];
    struct snapshot snapshot = {0};
    const struct principal *p;
    struct key_row *rows;
    struct key_table *table;
    size_t n = list(f, &rows);

    assert_int_equal(key_table_new(rows, n, &table), OK);
    assert_int_equal(key_service_derive(secret_of(slice_str(secret)), hash_key), OK);
    struct key_service *s =
        key_service_new(secret_of(slice_of((const char *)hash_key, sizeof(hash_key))));
    snapshot.keys = table;
    bool enters = key_service_find(s, &snapshot, token, 1, &p) == OK;
    key_service_free(s);
    key_table_free(table);
    return enters;
}

static void a_key_has_its_shape_and_enters(void **state)
{
    struct fixture *f = *state;
    struct key_wish wish = {.user = SLICE("alice"), .name = SLICE("laptop"), .rpm = 60};
    struct slice token, other;
    struct key_row row = create(f, &wish, &token);

    assert_int_equal(token.len, 49);
    assert_true(slice_starts(token, SLICE("sk-cr-")));
    for (size_t i = 6; i < token.len; i++)
        assert_non_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                               token.at[i]));
    assert_true(slice_eq(row.prefix, slice_sub(token, 0, 12)));
    assert_true(may_enter(f, "the secret", token));
    assert_false(may_enter(f, "another secret", token));
    assert_false(may_enter(f, "the secret", slice_sub(token, 0, 48)));
    create(f, &wish, &other);
    assert_false(slice_eq(token, other));
}

static void a_key_is_what_was_wished(void **state)
{
    struct fixture *f = *state;
    struct key_wish wish = {.user = SLICE("alice"),
                            .name = SLICE("laptop"),
                            .rpm = 1,
                            .tpm = 2,
                            .concurrency = 3,
                            .models = SLICE("a,b"),
                            .expires_wall_us = 1769860800000000,
                            .admin = true};
    struct slice token;
    struct key_row row = create(f, &wish, &token), *rows;

    create(f, &(struct key_wish){.user = SLICE("alice")}, &token);
    assert_int_equal(list(f, &rows), 2);
    assert_int_equal(rows[0].id, row.id);
    assert_int_equal(rows[0].user_id, rows[1].user_id);
    assert_true(slice_eq(rows[0].name, SLICE("laptop")));
    assert_true(slice_eq(rows[0].models, SLICE("a,b")));
    assert_int_equal(rows[0].rpm, 1);
    assert_int_equal(rows[0].tpm, 2);
    assert_int_equal(rows[0].concurrency, 3);
    assert_int_equal(rows[0].expires_wall_us, wish.expires_wall_us);
    assert_true(rows[0].admin);
    assert_false(rows[1].admin);
    struct secret key;
    assert_int_equal(key_admin_create(f->admin, &(struct key_wish){0}, &f->arena, &row, &key),
                     -EINVAL);
}

static void the_key_itself_is_stored_nowhere(void **state)
{
    struct fixture *f = *state;
    struct key_wish wish = {.user = SLICE("alice")};
    struct slice token;
    char path[SCRATCH_PATH], text[64];
    static const char *const files[] = {"courier.db", "courier.db-wal"};

    create(f, &wish, &token);
    snprintf(text, sizeof(text), "%.*s", (int)token.len - 12, token.at + 12);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        FILE *file = fopen(scratch_path(&f->scratch, "", files[i], path), "r");
        char *bytes = calloc(1, 1 << 20);
        size_t n = fread(bytes, 1, 1 << 20, file);
        assert_null(memmem(bytes, n, text, strlen(text)));
        assert_null(memmem(bytes, n, "the secret", 10));
        free(bytes);
        fclose(file);
    }
}

static void a_revoked_key_stays_outside(void **state)
{
    struct fixture *f = *state;
    struct slice token;
    struct key_row row = create(f, &(struct key_wish){.user = SLICE("alice")}, &token);

    assert_int_equal(key_admin_revoke(f->admin, row.id), OK);
    assert_int_equal(key_admin_revoke(f->admin, row.id), OK);
    assert_int_equal(key_admin_revoke(f->admin, row.id + 1), -ENOENT);
    assert_false(may_enter(f, "the secret", token));
}

static bool any_admin(struct fixture *f)
{
    uint64_t until;

    assert_int_equal(key_repo_admin_until(f->admin->db, clock_wall_us(), &until), OK);
    return until > 0;
}

static void the_first_key_is_made_once(void **state)
{
    struct fixture *f = *state;
    struct secret key;
    struct slice user;

    create(f, &(struct key_wish){.user = SLICE("alice")}, &user); /* no administrator */
    assert_int_equal(key_admin_create_first(f->admin, &f->arena, &key), OK);
    assert_true(any_admin(f));
    assert_true(may_enter(f, "the secret", secret_reveal(key)));
    assert_int_equal(key_admin_create_first(f->admin, &f->arena, &key), -EEXIST);
}

static void the_first_key_is_good_though_the_user_admin_is_disabled(void **state)
{
    struct fixture *f = *state;
    struct secret key;
    struct slice old;
    struct key_row *rows;

    create(f, &(struct key_wish){.user = SLICE("admin"), .admin = true}, &old);
    create(f, &(struct key_wish){.user = SLICE("admin 2"), .admin = true}, &old);
    assert_int_equal(db_exec(f->admin->db, "UPDATE users SET disabled = 1"), OK);
    assert_false(any_admin(f));
    assert_int_equal(key_admin_create_first(f->admin, &f->arena, &key), OK);
    assert_true(any_admin(f));
    assert_int_equal(list(f, &rows), 3);
    assert_true(slice_eq(rows[2].user_name, SLICE("admin 3")) && !rows[2].user_off);
    assert_int_equal(key_admin_create_first(f->admin, &f->arena, &key), -EEXIST);
}

static void the_configured_key_is_one_row(void **state)
{
    struct fixture *f = *state;
    struct key_row *rows;

    assert_int_equal(key_admin_configure(f->admin, secret_of(SLICE(""))), OK);
    assert_false(any_admin(f));
    assert_int_equal(key_admin_configure(f->admin, secret_of(SLICE("first-key"))), OK);
    assert_true(any_admin(f));
    assert_int_equal(key_admin_configure(f->admin, secret_of(SLICE("first-key"))), OK);
    assert_int_equal(list(f, &rows), 1);
    assert_true(rows[0].admin && rows[0].from_file);
    assert_true(slice_eq(rows[0].user_name, SLICE("admin")));
    assert_true(slice_eq(rows[0].prefix, SLICE("fi"))); /* no more than a quarter is shown */

    assert_int_equal(key_admin_configure(f->admin, secret_of(SLICE("second-key"))), OK);
    assert_int_equal(list(f, &rows), 1);
    assert_false(may_enter(f, "the secret", SLICE("first-key")));
    assert_true(may_enter(f, "the secret", SLICE("second-key")));
}

/* Else nobody could revoke it: the API refuses to touch the configured one. */
static void a_key_that_is_configured_no_more_is_one_like_any_other(void **state)
{
    struct fixture *f = *state;
    struct key_row *rows;

    assert_int_equal(key_admin_configure(f->admin, secret_of(SLICE("the-key"))), OK);
    assert_int_equal(key_admin_configure(f->admin, secret_of(SLICE(""))), OK);
    assert_int_equal(list(f, &rows), 1);
    assert_true(rows[0].admin && !rows[0].from_file);
    assert_true(may_enter(f, "the secret", SLICE("the-key")));
    assert_int_equal(key_admin_configure(f->admin, secret_of(SLICE("the-key"))), OK);
    assert_int_equal(list(f, &rows), 1);
    assert_true(rows[0].from_file);
}

static void a_configured_key_that_was_revoked_lives_again(void **state)
{
    struct fixture *f = *state;
    struct key_row *rows;

    assert_int_equal(key_admin_configure(f->admin, secret_of(SLICE("first-key"))), OK);
    list(f, &rows);
    assert_int_equal(key_admin_revoke(f->admin, rows[0].id), OK);
    assert_int_equal(key_admin_configure(f->admin, secret_of(SLICE("first-key"))), OK);
    assert_true(may_enter(f, "the secret", SLICE("first-key")));
}

static void a_configured_key_that_was_disabled_lives_again(void **state)
{
    struct fixture *f = *state;
    struct slice token;
    struct key_row *rows;

    create(f, &(struct key_wish){.user = SLICE("alice"), .admin = true}, &token);
    assert_int_equal(db_exec(f->admin->db, "UPDATE api_keys SET disabled = 1"), OK);
    assert_int_equal(key_admin_configure(f->admin, secret_of(token)), OK);
    assert_int_equal(list(f, &rows), 1);
    assert_true(rows[0].from_file && !rows[0].disabled);
}

static void a_key_that_was_made_may_become_the_configured_one(void **state)
{
    struct fixture *f = *state;
    struct slice token;
    struct key_row *rows, row;

    assert_int_equal(key_admin_configure(f->admin, secret_of(SLICE("first-key"))), OK);
    row = create(f, &(struct key_wish){.user = SLICE("alice"), .expires_wall_us = 5}, &token);
    assert_int_equal(key_admin_configure(f->admin, secret_of(token)), OK);
    assert_int_equal(list(f, &rows), 2);
    assert_true(rows[0].revoked && !rows[0].from_file);
    assert_int_equal(rows[1].id, row.id);
    assert_true(rows[1].admin && rows[1].from_file && !rows[1].revoked);
    assert_int_equal(rows[1].expires_wall_us, 0);
    assert_false(may_enter(f, "the secret", SLICE("first-key")));
    assert_true(may_enter(f, "the secret", token));
}

/* --- the registry --- */

static struct provider_row provider_of(const char *name, const char *key)
{
    return (struct provider_row){
        .name = slice_str(name), .type = SLICE("openai"), .api_key = secret_of(slice_str(key))};
}

static struct model_row model_of(const char *name, const char *key)
{
    return (struct model_row){
        .name = slice_str(name), .provider = SLICE("one"), .api_key = secret_of(slice_str(key))};
}

static void the_file_is_carried_into_the_store(void **state)
{
    struct fixture *f = *state;
    struct provider_row one[] = {provider_of("one", "sk-one"), provider_of("two", "")}, *providers;
    struct model_row two[] = {model_of("a", "sk-a"), model_of("b", "")}, *models;
    struct secret key;
    size_t n;

    assert_int_equal(registry_admin_seed(f->admin, one, 2, two, 2), OK);
    assert_int_equal(provider_repo_list(f->admin->db, &f->arena, &providers, &n), OK);
    assert_int_equal(n, 2);
    assert_true(providers[0].from_file);
    assert_int_equal(providers[0].sealed_key.len, 6 + SEAL_OVERHEAD);
    assert_int_equal(providers[1].sealed_key.len, 0);
    assert_int_equal(seal_open_key(&f->admin->keys.seal,
                                   (struct seal_row){"provider", SLICE("one"), 0},
                                   providers[0].sealed_key, &f->arena, &key),
                     OK);
    assert_true(slice_eq(secret_reveal(key), SLICE("sk-one")));
    assert_int_equal(model_repo_list(f->admin->db, &f->arena, &models, &n), OK);
    assert_int_equal(n, 2);
    assert_int_equal(seal_open_key(&f->admin->keys.seal, (struct seal_row){"model", SLICE("a"), 0},
                                   models[0].sealed_key, &f->arena, &key),
                     OK);
    assert_true(slice_eq(secret_reveal(key), SLICE("sk-a")));

    assert_int_equal(registry_admin_seed(f->admin, &one[1], 1, NULL, 0), OK);
    assert_int_equal(provider_repo_list(f->admin->db, &f->arena, &providers, &n), OK);
    assert_int_equal(n, 1);
    assert_int_equal(model_repo_list(f->admin->db, &f->arena, &models, &n), OK);
    assert_int_equal(n, 0);
}

static uint64_t version_of(struct fixture *f)
{
    uint64_t version;

    assert_int_equal(repository_catalog_version(f->admin->db, &version), OK);
    return version;
}

/* How far the catalog moves when the file says that. */
static uint64_t seeded(struct fixture *f, const struct provider_row *p, const struct model_row *m)
{
    uint64_t before = version_of(f);

    assert_int_equal(registry_admin_seed(f->admin, p, 2, m, 2), OK);
    return version_of(f) - before;
}

static void only_what_differs_is_written(void **state)
{
    struct fixture *f = *state;
    struct target_row targets[] = {{.api_key = secret_of(SLICE("sk-1"))},
                                   {.endpoint = SLICE("http://h/v1")}};
    struct provider_row p[] = {provider_of("one", "sk-one"), provider_of("two", "")}, *providers;
    struct model_row m[] = {model_of("a", "sk-a"), model_of("b", "")}, *models;
    size_t n;

    m[1].targets = targets;
    m[1].targets_len = 2;
    assert_true(seeded(f, p, m) > 0);
    assert_int_equal(seeded(f, p, m), 0);
    p[0].api_key = secret_of(SLICE("sk-ten"));
    assert_true(seeded(f, p, m) > 0);
    m[0].retries = 7;
    assert_true(seeded(f, p, m) > 0);
    targets[0].api_key = secret_of(SLICE("sk-2"));
    assert_true(seeded(f, p, m) > 0);
    assert_int_equal(seeded(f, p, m), 0);
    /* entries of the same name that were made otherwise become the file's */
    assert_int_equal(db_exec(f->admin->db, "UPDATE providers SET from_file = 0;"
                                           "UPDATE models SET from_file = 0"),
                     OK);
    assert_true(seeded(f, p, m) > 0);
    /* a key that does not open is given again */
    assert_int_equal(
        db_exec(f->admin->db, "UPDATE providers SET sealed_key = x'00' WHERE name = 'one'"), OK);
    assert_true(seeded(f, p, m) > 0);
    assert_int_equal(provider_repo_list(f->admin->db, &f->arena, &providers, &n), OK);
    assert_int_equal(n, 2);
    assert_int_equal(providers[0].sealed_key.len, 6 + SEAL_OVERHEAD);
    assert_true(providers[0].from_file && providers[1].from_file);
    assert_int_equal(model_repo_list(f->admin->db, &f->arena, &models, &n), OK);
    assert_int_equal(models[0].retries, 7);
    assert_true(models[0].from_file && models[1].from_file);
}

static void the_keys_of_targets_are_sealed_for_their_places(void **state)
{
    struct fixture *f = *state;
    struct target_row targets[] = {{.api_key = secret_of(SLICE("sk-1"))},
                                   {.endpoint = SLICE("http://h/v1")},
                                   {.api_key = secret_of(SLICE("sk-1"))}};
    struct model_row model = model_of("a", "sk-a"), *models;
    struct secret key;
    size_t n;

    model.targets = targets;
    model.targets_len = 3;
    assert_int_equal(registry_admin_seed(f->admin, NULL, 0, &model, 1), OK);
    assert_int_equal(model_repo_list(f->admin->db, &f->arena, &models, &n), OK);
    assert_int_equal(n, 1);
    assert_int_equal(models[0].targets_len, 3);
    assert_int_equal(models[0].targets[1].sealed_key.len, 0);
    for (size_t i = 0; i < 3; i += 2) {
        struct slice sealed = models[0].targets[i].sealed_key;
        for (size_t place = 0; place < 5; place++) {
            struct seal_row row = {"target", SLICE("a"), place};
            assert_int_equal(seal_open_key(&f->admin->keys.seal, row, sealed, &f->arena, &key),
                             place == i + 1 ? OK : -EBADMSG);
        }
        assert_int_equal(seal_open_key(&f->admin->keys.seal,
                                       (struct seal_row){"model", SLICE("a"), 0}, sealed, &f->arena,
                                       &key),
                         -EBADMSG);
    }
}

static void a_sealed_key_opens_only_where_it_belongs(void **state)
{
    struct fixture *f = *state;
    struct seal other;
    struct slice sealed;
    struct secret key;

    assert_int_equal(seal_key(&f->admin->keys.seal, (struct seal_row){"provider", SLICE("one"), 0},
                              secret_of(SLICE("sk-one")), &f->arena, &sealed),
                     OK);
    assert_int_equal(seal_open_key(&f->admin->keys.seal,
                                   (struct seal_row){"provider", SLICE("two"), 0}, sealed,
                                   &f->arena, &key),
                     -EBADMSG);
    assert_int_equal(seal_open_key(&f->admin->keys.seal,
                                   (struct seal_row){"model", SLICE("one"), 0}, sealed, &f->arena,
                                   &key),
                     -EBADMSG);
    assert_int_equal(seal_init(&other, secret_of(SLICE("another secret"))), OK);
    assert_int_equal(seal_open_key(&other, (struct seal_row){"provider", SLICE("one"), 0}, sealed,
                                   &f->arena, &key),
                     -EBADMSG);
    for (size_t i = 0; i < sealed.len; i++) /* cut anywhere; of length 0 it means no key */
        assert_int_equal(seal_open_key(&f->admin->keys.seal,
                                       (struct seal_row){"provider", SLICE("one"), 0},
                                       slice_sub(sealed, 0, i), &f->arena, &key),
                         i ? -EBADMSG : OK);
}

static void a_seed_that_fails_leaves_what_was(void **state)
{
    struct fixture *f = *state;
    struct provider_row one = provider_of("one", "sk-one"), two = provider_of("two", "sk-two");
    struct provider_row *rows;
    size_t n;

    assert_int_equal(registry_admin_seed(f->admin, &one, 1, NULL, 0), OK);
    alloc_fail_at(1);
    assert_int_equal(registry_admin_seed(f->admin, &two, 1, NULL, 0), -ENOMEM);
    assert_true(alloc_fail_hit());
    assert_int_equal(provider_repo_list(f->admin->db, &f->arena, &rows, &n), OK);
    assert_int_equal(n, 1);
    assert_true(slice_eq(rows[0].name, SLICE("one")));
    assert_true(rows[0].from_file);
}

static void what_cannot_be_opened_is_told(void **state)
{
    struct fixture *f = *state;
    struct fixture other = *f;

    assert_int_equal(open_with(&other, ""), -EINVAL);
    assert_null(other.admin);
    memcpy(other.url, "redis:", sizeof("redis:"));
    assert_int_equal(open_with(&other, "the secret"), -EPROTONOSUPPORT);
    assert_int_equal(db_exec(f->admin->db, "INSERT INTO schema_migrations VALUES (999, 'x', 'y')"),
                     OK);
    memcpy(other.url, f->url, sizeof(f->url));
    assert_int_equal(open_with(&other, "the secret"), -ENOTSUP);
    admin_close(NULL);
}

static void another_secret_is_refused(void **state)
{
    struct fixture *f = *state, other = *f;

    assert_int_equal(open_with(&other, "another secret"), -EKEYREJECTED);
    assert_null(other.admin);
    assert_int_equal(open_with(&other, "the secret"), OK);
    admin_close(other.admin);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(another_secret_is_refused),
        TEST(a_key_has_its_shape_and_enters),
        TEST(a_key_is_what_was_wished),
        TEST(the_key_itself_is_stored_nowhere),
        TEST(a_revoked_key_stays_outside),
        TEST(the_first_key_is_made_once),
        TEST(the_first_key_is_good_though_the_user_admin_is_disabled),
        TEST(the_configured_key_is_one_row),
        TEST(a_configured_key_that_was_revoked_lives_again),
        TEST(a_configured_key_that_was_disabled_lives_again),
        TEST(a_key_that_is_configured_no_more_is_one_like_any_other),
        TEST(a_key_that_was_made_may_become_the_configured_one),
        TEST(the_file_is_carried_into_the_store),
        TEST(only_what_differs_is_written),
        TEST(the_keys_of_targets_are_sealed_for_their_places),
        TEST(a_sealed_key_opens_only_where_it_belongs),
        TEST(a_seed_that_fails_leaves_what_was),
        TEST(what_cannot_be_opened_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
