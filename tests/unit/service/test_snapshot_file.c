/* test_snapshot_file.c: what was loaded comes out of the file as it went in, or not at all. */

#include "service/snapshot_file.h"

#include "support/alloc_fail.h"
#include "support/scratch.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <cmocka.h>

enum { KEYS = 200 };

static const struct snapshot_stamp stamp = {42, 1769860800000000, "the hash key"};

struct fixture {
    struct scratch scratch;
    char path[SCRATCH_PATH];
    struct sealed_key key;
    struct entries entries;
    struct provider_row providers[2];
    struct target_row targets[2];
    struct model_row models[2];
    struct key_row rows[KEYS];
    struct key_table *keys;
};

static void fill_entries(struct fixture *f)
{
    f->providers[0] = (struct provider_row){.name = SLICE("one"),
                                            .type = SLICE("openai"),
                                            .base_url = SLICE("http://127.0.0.1:9/v1"),
                                            .sealed_key = SLICE("\0\1\2"),
                                            .from_file = true};
    f->providers[1] = (struct provider_row){.name = SLICE("two"), .type = SLICE("vllm")};
    f->targets[0] = (struct target_row){.provider = SLICE("two"), .sealed_key = SLICE("abc")};
    f->targets[1] =
        (struct target_row){.upstream_model = SLICE("m"), .endpoint = SLICE("http://x")};
    f->models[0] = (struct model_row){.name = SLICE("a"),
                                      .provider = SLICE("one"),
                                      .upstream_model = SLICE("b"),
                                      .endpoint = SLICE("http://127.0.0.1:8"),
                                      .sealed_key = SLICE("key"),
                                      .timeout_ms = 60000,
                                      .retries = 3,
                                      .fallback = SLICE("b,c"),
                                      .fallback_on = SLICE("context_length"),
                                      .keepalive_ms = 15000,
                                      .rescue = true,
                                      .max_tokens = 1,
                                      .context_window = UINT64_MAX,
                                      .modalities = SLICE("text"),
                                      .cache_ms = 60000,
                                      .cache_shared = true,
                                      .targets = f->targets,
                                      .targets_len = 2,
                                      .created_wall_us = 1769860800000000,
                                      .from_file = true};
    f->models[1] = (struct model_row){.name = SLICE("b"), .provider = SLICE("two")};
    f->entries.providers = f->providers;
    f->entries.models = f->models;
    f->entries.providers_len = f->entries.models_len = 2;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    scratch_make(&f->scratch);
    scratch_path(&f->scratch, "", "snapshot", f->path);
    assert_int_equal(sealed_key_derive(secret_of(SLICE("the secret")), &f->key), OK);
    entries_init(&f->entries);
    fill_entries(f);
    for (unsigned i = 0; i < KEYS; i++) {
        f->rows[i] = (struct key_row){.id = i + 1,
                                      .user_id = INT64_MAX - i,
                                      .user_name = i % 3 ? SLICE("ann") : SLICE(""),
                                      .name = SLICE("laptop"),
                                      .models = i % 2 ? SLICE("a,b") : SLICE(""),
                                      .model_limits = i % 4 ? SLICE("") : SLICE("1/2/3/a"),
                                      .admin = i % 5 == 0,
                                      .rpm = i,
                                      .tpm = (uint64_t)i << 40,
                                      .concurrency = 1,
                                      .expires_wall_us = i % 7 ? 0 : 1769860800000000 + i};
        f->rows[i].hash[0] = (unsigned char)i;
        f->rows[i].hash[31] = (unsigned char)(i * 7);
    }
    assert_int_equal(key_table_new(f->rows, KEYS, &f->keys), OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    key_table_free(f->keys);
    scratch_remove(&f->scratch);
    free(f);
    return 0;
}

static int write_file(struct fixture *f)
{
    struct buf packed;
    int rc = snapshot_file_pack(&f->entries, &packed);

    if (rc < 0)
        return rc;
    rc = snapshot_file_write(f->path, &f->key, stamp, buf_slice(&packed), f->keys);
    buf_free(&packed);
    return rc;
}

static void check_text(struct slice got, struct slice wanted)
{
    assert_true(slice_eq(got, wanted));
}

static void check_model(const struct model_row *got, const struct model_row *wanted)
{
    check_text(got->name, wanted->name);
    check_text(got->provider, wanted->provider);
    check_text(got->upstream_model, wanted->upstream_model);
    check_text(got->endpoint, wanted->endpoint);
    check_text(got->sealed_key, wanted->sealed_key);
    assert_int_equal(got->timeout_ms, wanted->timeout_ms);
    assert_int_equal(got->retries, wanted->retries);
    check_text(got->fallback, wanted->fallback);
    check_text(got->fallback_on, wanted->fallback_on);
    assert_int_equal(got->keepalive_ms, wanted->keepalive_ms);
    assert_int_equal(got->rescue, wanted->rescue);
    assert_int_equal(got->max_tokens, wanted->max_tokens);
    assert_int_equal(got->context_window, wanted->context_window);
    check_text(got->modalities, wanted->modalities);
    assert_int_equal(got->cache_ms, wanted->cache_ms);
    assert_int_equal(got->cache_shared, wanted->cache_shared);
    assert_int_equal(got->created_wall_us, wanted->created_wall_us);
    assert_int_equal(got->from_file, wanted->from_file);
    assert_int_equal(got->targets_len, wanted->targets_len);
    for (size_t i = 0; i < wanted->targets_len; i++) {
        check_text(got->targets[i].provider, wanted->targets[i].provider);
        check_text(got->targets[i].upstream_model, wanted->targets[i].upstream_model);
        check_text(got->targets[i].endpoint, wanted->targets[i].endpoint);
        check_text(got->targets[i].sealed_key, wanted->targets[i].sealed_key);
    }
}

static void check_keys(const struct fixture *f, const struct key_table *keys)
{
    assert_int_equal(key_table_len(keys), KEYS);
    for (size_t i = 0; i < KEYS; i++) {
        const struct key_row *row = &f->rows[i];
        const struct principal *p = key_table_find(keys, row->hash);
        assert_non_null(p);
        assert_int_equal(p->key_id, row->id);
        assert_int_equal(p->user_id, row->user_id);
        check_text(p->user_name, row->user_name);
        check_text(p->key_name, row->name);
        check_text(p->models, row->models);
        check_text(p->model_limits, row->model_limits);
        assert_int_equal(p->admin, row->admin);
        assert_int_equal(p->rpm, row->rpm);
        assert_int_equal(p->tpm, row->tpm);
        assert_int_equal(p->concurrency, row->concurrency);
        assert_int_equal(p->expires_wall_us, row->expires_wall_us);
    }
}

static int read_file(struct fixture *f, const struct sealed_key *key)
{
    struct snapshot_stamp got;
    struct entries e;
    struct key_table *keys;

    entries_init(&e);
    int rc = snapshot_file_read(f->path, key, &got, &e, &keys);
    assert_true((rc == OK) == (keys != NULL));
    if (rc == OK) {
        assert_int_equal(got.version, stamp.version);
        assert_int_equal(got.true_wall_us, stamp.true_wall_us);
        assert_memory_equal(got.hash_key, stamp.hash_key, sizeof(got.hash_key));
        assert_int_equal(e.providers_len, 2);
        for (size_t i = 0; i < 2; i++) {
            check_text(e.providers[i].name, f->providers[i].name);
            check_text(e.providers[i].type, f->providers[i].type);
            check_text(e.providers[i].base_url, f->providers[i].base_url);
            check_text(e.providers[i].sealed_key, f->providers[i].sealed_key);
            assert_int_equal(e.providers[i].from_file, f->providers[i].from_file);
        }
        assert_int_equal(e.models_len, 2);
        for (size_t i = 0; i < 2; i++)
            check_model(&e.models[i], &f->models[i]);
        check_keys(f, keys);
    }
    key_table_free(keys);
    entries_clear(&e);
    return rc;
}

static void it_comes_back_as_it_was(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_file(f, &f->key), -ENOENT);
    assert_int_equal(write_file(f), OK);
    assert_int_equal(read_file(f, &f->key), OK);
}

static void nothing_at_all_is_also_a_snapshot(void **state)
{
    struct fixture *f = *state;
    struct snapshot_stamp got;
    struct entries none;
    struct key_table *keys;
    struct buf packed;

    key_table_free(f->keys);
    assert_int_equal(key_table_new(NULL, 0, &f->keys), OK);
    entries_init(&none);
    assert_int_equal(snapshot_file_pack(&none, &packed), OK);
    assert_int_equal(snapshot_file_write(f->path, &f->key, stamp, buf_slice(&packed), f->keys), OK);
    buf_free(&packed);
    assert_int_equal(snapshot_file_read(f->path, &f->key, &got, &none, &keys), OK);
    assert_int_equal(none.providers_len + none.models_len + key_table_len(keys), 0);
    key_table_free(keys);
    entries_clear(&none);
}

static void another_secret_or_a_cut_reads_nothing(void **state)
{
    struct fixture *f = *state;
    struct sealed_key other;
    struct stat st;

    assert_int_equal(write_file(f), OK);
    assert_int_equal(sealed_key_derive(secret_of(SLICE("another secret")), &other), OK);
    assert_int_equal(read_file(f, &other), -EBADMSG);
    assert_int_equal(stat(f->path, &st), 0);
    for (off_t size = st.st_size - 1; size >= 0; size -= 13) {
        assert_int_equal(truncate(f->path, size), 0);
        assert_int_equal(read_file(f, &f->key), -EBADMSG);
    }
}

/* Sealed as it should be, with something else in it. */
static void bytes_that_are_no_snapshot_read_nothing(void **state)
{
    struct fixture *f = *state;
    const struct slice texts[] = {
        SLICE(""),
        SLICE("\2\1\1\0\0\0"),  /* another format */
        SLICE("\1\1\1\0\0"),    /* no keys */
        SLICE("\1\1\1\0\0\0x"), /* more */
        SLICE("\1\1\1\xff\xff\xff\xff\x7f\0\0"),
        SLICE("\1\1\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        SLICE("\1\1\1\1\xff\xff\xff\x7f"), /* a text without end */
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sealed_writer *w;
        assert_int_equal(sealed_writer_open(f->path, &f->key, &w), OK);
        sealed_write(w, texts[i]);
        assert_int_equal(sealed_writer_end_take(w, OK), OK);
        assert_int_equal(read_file(f, &f->key), -EBADMSG);
    }
}

static void out_of_memory_is_told(void **state)
{
    struct fixture *f = *state;

    for (unsigned n = 1;; n++) {
        alloc_fail_at(n);
        int rc = write_file(f);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        assert_int_equal(rc, hit ? -ENOMEM : OK);
        if (!hit)
            break;
    }
    for (unsigned n = 1;; n++) {
        alloc_fail_at(n);
        int rc = read_file(f, &f->key);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        assert_int_equal(rc, hit ? -ENOMEM : OK);
        if (!hit)
            break;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_comes_back_as_it_was),
        TEST(nothing_at_all_is_also_a_snapshot),
        TEST(another_secret_or_a_cut_reads_nothing),
        TEST(bytes_that_are_no_snapshot_read_nothing),
        TEST(out_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
