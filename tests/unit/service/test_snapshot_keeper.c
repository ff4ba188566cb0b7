/* test_snapshot_keeper.c: what the store holds reaches the slot, and so does what changes in it. */

#include "service/snapshot_keeper.h"

#include "router/registry.h"
#include "service/admin.h"
#include "service/key_service.h"
#include "service/registry_admin.h"
#include "store/db.h"

#include "support/scratch.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <setjmp.h>
#include <sys/wait.h>
#include <cmocka.h>

struct fixture {
    struct scratch scratch;
    char url[SCRATCH_PATH];
    struct admin *admin;
    struct snapshot_slot *slot;
    struct snapshot_view *view;
    struct snapshot_keeper *keeper;
    struct arena arena;
    char file[SCRATCH_PATH];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct admin_options options = {.secret_key = secret_of(SLICE("the secret"))};
    struct provider_row provider = {.name = SLICE("one"),
                                    .type = SLICE("openai_compatible"),
                                    .base_url = SLICE("http://127.0.0.1:9/v1"),
                                    .api_key = secret_of(SLICE("sk-one"))};
    struct model_row models[] = {
        {.name = SLICE("a"), .provider = SLICE("one")    },
        {.name = SLICE("b"), .provider = SLICE("nowhere")}
    };

    scratch_make(&f->scratch);
    options.store = slice_str(scratch_path(&f->scratch, "sqlite:", "courier.db", f->url));
    arena_init(&f->arena, 0);
    assert_int_equal(admin_open(&options, &f->admin), OK);
    assert_int_equal(registry_admin_seed(f->admin, &provider, 1, models, 2), OK);
    f->slot = snapshot_slot_new();
    f->view = snapshot_view_new(f->slot);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    snapshot_keeper_stop(f->keeper);
    arena_clear(&f->arena);
    snapshot_view_free(f->view);
    snapshot_slot_free(f->slot);
    admin_close(f->admin);
    scratch_remove(&f->scratch);
    free(f);
    return 0;
}

static int start_with(struct fixture *f, const char *store, const char *secret)
{
    struct snapshot_keeper_options options = {
        .store = slice_str(store), .secret_key = secret_of(slice_str(secret)), .slot = f->slot};

    return snapshot_keeper_start(&options, &f->keeper);
}

static const struct snapshot *hold(struct fixture *f)
{
    return snapshot_hold(f->view, &f->arena);
}

/* The first snapshot behind that version; the watchdog of the test program ends a wait in vain. */
static const struct snapshot *wait_behind(struct fixture *f, uint64_t version)
{
    const struct snapshot *s = hold(f);

    while (!s || s->version <= version) {
        arena_clear(&f->arena);
        sched_yield();
        s = hold(f);
    }
    return s;
}

static void what_is_stored_is_loaded(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(start_with(f, f->url, "the secret"), OK);
    const struct snapshot *s = hold(f);
    const struct registry_model *a = registry_find(s->registry, SLICE("a"));
    assert_non_null(a);
    assert_true(slice_eq(secret_reveal(a->targets[0].api_key), SLICE("sk-one")));
    assert_null(registry_find(s->registry, SLICE("b"))); /* its provider is nowhere */
    assert_int_equal(key_table_len(s->keys), 0);
}

static void another_secret_loads_nothing(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(start_with(f, f->url, "another secret"), -EKEYREJECTED);
    assert_false(snapshot_ready(f->slot));
}

/* As long as a key that was sealed for another row. */
#define DAMAGED "UPDATE %s SET sealed_key = zeroblob(40) WHERE sealed_key IS NOT NULL"

static void damage(struct fixture *f, const char *table)
{
    char sql[128];

    snprintf(sql, sizeof(sql), DAMAGED, table);
    assert_int_equal(db_exec(f->admin->db, sql), OK);
}

static void a_key_that_does_not_open_leaves_the_entry_out(void **state)
{
    struct fixture *f = *state;

    damage(f, "providers");
    assert_int_equal(start_with(f, f->url, "the secret"), OK);
    assert_null(registry_find(hold(f)->registry, SLICE("a")));
}

/* What a model says reaches the registry whole: its targets, their keys, how it behaves. */
static void targets_are_loaded_with_their_keys(void **state)
{
    struct fixture *f = *state;
    struct provider_row provider = {.name = SLICE("one"),
                                    .type = SLICE("openai_compatible"),
                                    .base_url = SLICE("http://127.0.0.1:9/v1"),
                                    .api_key = secret_of(SLICE("sk-one"))};
    struct target_row targets[] = {{.api_key = secret_of(SLICE("sk-first"))},
                                   {.endpoint = SLICE("http://127.0.0.1:8/v1")}};
    struct model_row model = {.name = SLICE("m"),
                              .provider = SLICE("one"),
                              .targets = targets,
                              .targets_len = 2,
                              .fallback_on = SLICE("context_length"),
                              .keepalive_ms = 15000,
                              .rescue = true,
                              .max_tokens = 64000,
                              .context_window = 200000,
                              .modalities = SLICE("text,file")};

    assert_int_equal(registry_admin_seed(f->admin, &provider, 1, &model, 1), OK);
    assert_int_equal(start_with(f, f->url, "the secret"), OK);
    const struct registry_model *m = registry_find(hold(f)->registry, SLICE("m"));
    assert_non_null(m);
    assert_int_equal(m->targets_len, 2);
    assert_true(slice_eq(secret_reveal(m->targets[0].api_key), SLICE("sk-first")));
    assert_true(slice_eq(secret_reveal(m->targets[1].api_key), SLICE("sk-one")));
    assert_int_equal(m->fallback_on, FALLBACK_ON_CONTEXT_LENGTH);
    assert_int_equal(m->keepalive_ms, 15000);
    assert_true(m->rescue);
    assert_int_equal(m->max_tokens, 64000);
    assert_int_equal(m->context_window, 200000);
    assert_true(slice_eq(m->modalities, SLICE("text,file")));
    assert_int_equal(m->targets[1].max_tokens, 64000);
}

/* A model whose targets are gone must not become its own target. */
static void targets_whose_keys_do_not_open_are_left_out(void **state)
{
    struct fixture *f = *state;
    struct provider_row provider = {.name = SLICE("one"),
                                    .type = SLICE("openai_compatible"),
                                    .base_url = SLICE("http://127.0.0.1:9/v1")};
    struct target_row targets[] = {{.api_key = secret_of(SLICE("sk-first"))},
                                   {.endpoint = SLICE("http://127.0.0.1:8/v1")}};
    struct model_row models[] = {
        {.name = SLICE("all"),  .provider = SLICE("one"), .targets = targets, .targets_len = 1},
        {.name = SLICE("some"), .provider = SLICE("one"), .targets = targets, .targets_len = 2},
    };

    assert_int_equal(registry_admin_seed(f->admin, &provider, 1, models, 2), OK);
    damage(f, "model_targets");
    assert_int_equal(start_with(f, f->url, "the secret"), OK);
    assert_null(registry_find(hold(f)->registry, SLICE("all")));
    const struct registry_model *some = registry_find(hold(f)->registry, SLICE("some"));
    assert_non_null(some);
    assert_int_equal(some->targets_len, 1);
    assert_true(secret_is_empty(some->targets[0].api_key));
}

static void changes_are_noticed(void **state)
{
    struct fixture *f = *state;
    struct key_row row;
    struct secret key;

    assert_int_equal(start_with(f, f->url, "the secret"), OK);
    uint64_t version = hold(f)->version;
    struct key_wish wish = {.user = SLICE("alice")};
    assert_int_equal(key_admin_create(f->admin, &wish, &f->arena, &row, &key), OK);
    int64_t id = row.id;
    const struct snapshot *s = wait_behind(f, version);
    assert_int_equal(key_table_len(s->keys), 1);
    version = s->version;
    assert_int_equal(key_admin_revoke(f->admin, id), OK);
    s = wait_behind(f, version);
    assert_int_equal(key_table_len(s->keys), 0);
}

static int64_t make_key(struct fixture *f, const char *user)
{
    struct key_wish wish = {.user = slice_str(user)};
    struct key_row row;
    struct secret key;

    assert_int_equal(key_admin_create(f->admin, &wish, &f->arena, &row, &key), OK);
    return row.id;
}

static const struct principal *find_id(const struct snapshot *s, int64_t id)
{
    struct key_place at = {0};
    const unsigned char *hash;
    const struct principal *p;

    while ((p = key_table_next(s->keys, &at, &hash)))
        if (p->key_id == id)
            break;
    return p;
}

static void exec(struct fixture *f, const char *sql)
{
    assert_int_equal(db_exec(f->admin->db, sql), OK);
}

/* What is shared lies where it lay. */
static void only_what_changed_is_loaded(void **state)
{
    struct fixture *f = *state;
    int64_t ann = make_key(f, "ann"), bob = make_key(f, "bob");

    assert_int_equal(start_with(f, f->url, "the secret"), OK);
    const struct snapshot *old = snapshot_take(f->slot);
    assert_int_equal(key_table_len(old->keys), 2);
    assert_int_equal(key_admin_revoke(f->admin, bob), OK);
    const struct snapshot *s = wait_behind(f, old->version);
    assert_ptr_equal(s->registry, old->registry);
    assert_ptr_equal(find_id(s, ann), find_id(old, ann));
    assert_null(find_id(s, bob));
    assert_non_null(find_id(old, bob));

    uint64_t version = s->version;
    exec(f, "UPDATE models SET retries = 3");
    s = wait_behind(f, version);
    assert_ptr_not_equal(s->registry, old->registry);
    assert_ptr_equal(find_id(s, ann), find_id(old, ann));
    snapshot_drop(old);
}

static void a_user_takes_his_keys_along(void **state)
{
    struct fixture *f = *state;
    int64_t ann = make_key(f, "ann");

    assert_int_equal(start_with(f, f->url, "the secret"), OK);
    uint64_t version = hold(f)->version;
    exec(f, "UPDATE users SET name = 'anna'");
    const struct snapshot *s = wait_behind(f, version);
    assert_true(slice_eq(find_id(s, ann)->user_name, SLICE("anna")));
}

/* A text of two million characters. */
static void a_key_that_is_too_long_holds_up_no_other(void **state)
{
    struct fixture *f = *state;
    int64_t ann = make_key(f, "ann"), bob = make_key(f, "bob");

    assert_int_equal(start_with(f, f->url, "the secret"), OK);
    uint64_t version = hold(f)->version;
    exec(f, "UPDATE api_keys SET models = hex(zeroblob(1000000)) WHERE user_id = (SELECT id FROM "
            "users WHERE name = 'ann')");
    const struct snapshot *s = wait_behind(f, version);
    assert_null(find_id(s, ann));
    assert_non_null(find_id(s, bob));
    version = s->version;
    assert_int_equal(key_admin_revoke(f->admin, bob), OK);
    assert_int_equal(key_table_len(wait_behind(f, version)->keys), 0);
}

/* Deleted by hand, moved to another hash, or the database of yesterday: all keys are loaded. */
static void what_leaves_no_row_is_noticed(void **state)
{
    struct fixture *f = *state;
    int64_t ann = make_key(f, "ann"), bob = make_key(f, "bob");
    static const unsigned char zeros[KEY_HASH_LEN];

    assert_int_equal(start_with(f, f->url, "the secret"), OK);
    uint64_t version = hold(f)->version;
    exec(f, "DELETE FROM api_keys WHERE user_id = (SELECT id FROM users WHERE name = 'bob')");
    const struct snapshot *s = wait_behind(f, version);
    assert_null(find_id(s, bob));
    assert_non_null(find_id(s, ann));
    version = s->version;
    exec(f, "UPDATE api_keys SET hash = zeroblob(32)");
    s = wait_behind(f, version);
    assert_non_null(key_table_find(s->keys, zeros));
    assert_int_equal(key_table_len(s->keys), 1);
    version = s->version;
    exec(f, "DELETE FROM api_keys; UPDATE catalog SET version = 1, registry_version = 1, "
            "keys_gone = 1");
    assert_int_equal(key_table_len(wait_behind(f, version)->keys), 0);
}

static void the_state_is_told(void **state)
{
    struct fixture *f = *state;
    struct snapshot_state told;

    make_key(f, "ann");
    assert_int_equal(start_with(f, f->url, "the secret"), OK);
    snapshot_keeper_state(f->keeper, &told);
    assert_int_equal(told.source, SNAPSHOT_OF_DATABASE);
    assert_false(told.failing);
    assert_true(told.version > 0 && told.true_wall_us > 0);
    assert_int_equal(told.keys, 1);
    assert_int_equal(told.models, 1);
}

/* With the file, and perhaps with a store that is away. */
static int start_with_file(struct fixture *f, struct snapshot_keeper_options options)
{
    options.slot = f->slot;
    options.file = scratch_path(&f->scratch, "", "snapshot", f->file);
    return snapshot_keeper_start(&options, &f->keeper);
}

static struct snapshot_keeper_options options_of(const char *store, const char *secret)
{
    return (struct snapshot_keeper_options){.store = slice_str(store),
                                            .secret_key = secret_of(slice_str(secret))};
}

/* Ends the keeper, and forgets what it published: the next one begins as in a new process. */
static void end_process(struct fixture *f)
{
    snapshot_keeper_stop(f->keeper);
    f->keeper = NULL;
    arena_clear(&f->arena);
    snapshot_view_free(f->view);
    snapshot_slot_free(f->slot);
    f->slot = snapshot_slot_new();
    f->view = snapshot_view_new(f->slot);
}

static const char away[] = "sqlite:/proc/nowhere/courier.db";

static void the_file_serves_while_the_store_is_away(void **state)
{
    struct fixture *f = *state;
    int64_t ann = make_key(f, "ann");
    struct snapshot_state told;

    assert_int_equal(start_with_file(f, options_of(f->url, "the secret")), OK);
    uint64_t version = hold(f)->version;
    int64_t bob = make_key(f, "bob"); /* written at the end, at the latest */
    wait_behind(f, version);
    end_process(f);

    assert_int_equal(start_with_file(f, options_of(away, "the secret")), OK);
    const struct snapshot *s = hold(f);
    assert_true(slice_eq(find_id(s, ann)->user_name, SLICE("ann")));
    assert_non_null(find_id(s, bob));
    const struct registry_model *a = registry_find(s->registry, SLICE("a"));
    assert_true(slice_eq(secret_reveal(a->targets[0].api_key), SLICE("sk-one")));
    snapshot_keeper_state(f->keeper, &told);
    assert_int_equal(told.source, SNAPSHOT_OF_FILE);
    assert_true(told.failing);
    assert_true(told.true_wall_us > 0);
    assert_int_equal(told.keys, 2);
    end_process(f);

    /* what was served from the file is not written into it again */
    assert_int_equal(start_with_file(f, options_of(away, "the secret")), OK);
}

/* It was not made by courier, which takes no such texts. */
static void an_entry_that_is_too_large_holds_up_no_other(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        db_exec(f->admin->db,
                "INSERT INTO providers (name, type, base_url, created_at, from_file) VALUES "
                "('huge', 'openai_compatible', 'http://' || hex(zeroblob(1 << 20)), '', 0);"
                "UPDATE models SET endpoint = hex(zeroblob(1 << 20)) WHERE name = 'b'"),
        OK);
    assert_int_equal(start_with_file(f, options_of(f->url, "the secret")), OK);
    assert_non_null(registry_find(hold(f)->registry, SLICE("a")));
    snapshot_keeper_stop(f->keeper);
    assert_int_equal(start_with_file(f, options_of(away, "the secret")), OK);
    assert_non_null(registry_find(hold(f)->registry, SLICE("a")));
}

static void a_file_that_cannot_be_used_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct snapshot_keeper_options old = options_of(away, "the secret");

    assert_int_equal(start_with_file(f, options_of(away, "the secret")), -ENOENT);
    assert_false(snapshot_ready(f->slot));
    end_process(f);
    assert_int_equal(start_with_file(f, options_of(f->url, "the secret")), OK);
    end_process(f);
    assert_int_equal(start_with_file(f, options_of(away, "another secret")), -EBADMSG);
    assert_false(snapshot_ready(f->slot));
    end_process(f);
    old.max_age_ms = 1;
    while (start_with_file(f, old) == OK) /* within the same millisecond */
        end_process(f);
    assert_false(snapshot_ready(f->slot));
    end_process(f);
    assert_int_equal(truncate(f->file, 1000), 0);
    assert_int_equal(start_with_file(f, options_of(away, "the secret")), -EBADMSG);
    assert_false(snapshot_ready(f->slot));
}

/* What is served from the file gives way to the whole database when that may be read. */
static void the_database_is_read_when_it_is_admitted(void **state)
{
    struct fixture *f = *state;
    struct snapshot_keeper_options unready = options_of(f->url, "the secret");
    struct snapshot_state told;
    int64_t ann = make_key(f, "ann"), bob = make_key(f, "bob");

    assert_int_equal(start_with_file(f, options_of(f->url, "the secret")), OK);
    end_process(f);
    assert_int_equal(key_admin_revoke(f->admin, ann), OK);
    unready.unready = true;
    assert_int_equal(start_with_file(f, unready), OK);
    const struct snapshot *s = hold(f);
    const struct principal *same = find_id(s, bob);
    assert_non_null(find_id(s, ann)); /* as the file has it */
    snapshot_keeper_admit(f->keeper);
    s = wait_behind(f, s->version);
    assert_null(find_id(s, ann));
    assert_ptr_equal(find_id(s, bob), same); /* what is as it was is shared */
    do
        snapshot_keeper_state(f->keeper, &told);
    while (told.source != SNAPSHOT_OF_DATABASE);
    assert_int_equal(told.keys, 1);
}

/* As `courier key create` beside a gateway that runs. */
static void changes_of_another_process_are_noticed(void **state)
{
    struct fixture *f = *state;
    int status;

    pid_t pid = fork();
    if (pid == 0) {
        struct admin_options options = {.store = slice_str(f->url),
                                        .secret_key = secret_of(SLICE("the secret"))};
        struct key_wish wish = {.user = SLICE("alice")};
        struct admin *admin;
        struct arena arena;
        struct key_row row;
        struct secret key;
        arena_init(&arena, 0);
        int rc = admin_open(&options, &admin);
        rc = rc < 0 ? rc : key_admin_create(admin, &wish, &arena, &row, &key);
        _exit(rc == OK ? 0 : 1);
    }
    assert_int_equal(start_with(f, f->url, "the secret"), OK);
    while (key_table_len(wait_behind(f, 0)->keys) != 1) {
        arena_clear(&f->arena);
        sched_yield();
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_reload_loads_without_a_change(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(start_with(f, f->url, "the secret"), OK);
    uint64_t version = hold(f)->version;
    snapshot_keeper_reload(f->keeper);
    wait_behind(f, version);
}

static void usage_rows_are_no_change(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(start_with(f, f->url, "the secret"), OK);
    uint64_t version = hold(f)->version;
    assert_int_equal(db_exec(f->admin->db, "CREATE TABLE other (n); INSERT INTO other VALUES (1)"),
                     OK);
    snapshot_keeper_reload(f->keeper);
    assert_int_equal(wait_behind(f, version)->version, version + 1);
}

static void without_a_store_the_thread_goes_on_trying(void **state)
{
    struct fixture *f = *state;
    char path[SCRATCH_PATH], hidden[SCRATCH_PATH];

    scratch_path(&f->scratch, "", "folder", path);
    scratch_path(&f->scratch, "sqlite:", "folder/courier.db", hidden);
    FILE *file = fopen(path, "w"); /* a file where the folder should be */
    fclose(file);
    assert_int_equal(start_with(f, hidden, "the secret"), -ENOTDIR);
    assert_non_null(f->keeper);
    assert_false(snapshot_ready(f->slot));
    assert_null(hold(f));

    struct admin_options options = {.store = slice_str(hidden),
                                    .secret_key = secret_of(SLICE("the secret"))};
    struct admin *admin;
    assert_int_equal(unlink(path), 0);
    assert_int_equal(admin_open(&options, &admin), OK);
    wait_behind(f, 0);
    admin_close(admin);
}

static void a_store_that_breaks_leaves_the_last_snapshot(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(start_with(f, f->url, "the secret"), OK);
    uint64_t version = hold(f)->version;
    assert_int_equal(db_exec(f->admin->db, "ALTER TABLE models RENAME TO gone; "
                                           "UPDATE catalog SET version = version + 1"),
                     OK);
    snapshot_keeper_reload(f->keeper);
    snapshot_keeper_stop(f->keeper);
    f->keeper = NULL;
    assert_int_equal(hold(f)->version, version);
    assert_int_equal(start_with(f, f->url, "the secret"), -EINVAL);
    assert_int_equal(hold(f)->version, version);
    assert_int_equal(db_exec(f->admin->db, "ALTER TABLE gone RENAME TO models"), OK);
    wait_behind(f, version);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_stored_is_loaded),
        TEST(another_secret_loads_nothing),
        TEST(a_key_that_does_not_open_leaves_the_entry_out),
        TEST(targets_are_loaded_with_their_keys),
        TEST(targets_whose_keys_do_not_open_are_left_out),
        TEST(changes_are_noticed),
        TEST(only_what_changed_is_loaded),
        TEST(a_user_takes_his_keys_along),
        TEST(a_key_that_is_too_long_holds_up_no_other),
        TEST(what_leaves_no_row_is_noticed),
        TEST(the_state_is_told),
        TEST(the_file_serves_while_the_store_is_away),
        TEST(an_entry_that_is_too_large_holds_up_no_other),
        TEST(a_file_that_cannot_be_used_leaves_nothing),
        TEST(the_database_is_read_when_it_is_admitted),
        TEST(changes_of_another_process_are_noticed),
        TEST(a_reload_loads_without_a_change),
        TEST(usage_rows_are_no_change),
        TEST(without_a_store_the_thread_goes_on_trying),
        TEST(a_store_that_breaks_leaves_the_last_snapshot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
