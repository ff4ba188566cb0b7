/* test_snapshot.c: publishing, holding, and letting go, also with a publisher and several workers.
 */

#include "service/snapshot.h"

#include "router/registry.h"
#include "service/key_service.h"

#include "support/alloc_fail.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* A snapshot whose keys count n: so a holder can see that its parts belong together. */
static int publish(struct snapshot_slot *slot, size_t n)
{
    struct registry_rows rows = {0};
    struct registry_fault *faults;
    struct registry *registry;
    struct key_table *keys;
    struct key_row key[8] = {0};
    struct arena arena;
    size_t faults_len;

    for (unsigned i = 0; i < 8; i++)
        key[i].hash[0] = (unsigned char)i;
    arena_init(&arena, 0);
    if (registry_new(&rows, &arena, &registry, &faults, &faults_len) < 0 ||
        key_table_new(key, n % 8, &keys) < 0)
        abort();
    arena_clear(&arena);
    return snapshot_publish_take(slot, registry, keys);
}

static void nothing_is_there_at_first(void **state)
{
    struct snapshot_slot *slot = snapshot_slot_new();
    struct snapshot_view *view = snapshot_view_new(slot);
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_false(snapshot_ready(slot));
    assert_null(snapshot_hold(view, &arena));
    assert_int_equal(publish(slot, 1), OK);
    assert_true(snapshot_ready(slot));
    assert_non_null(snapshot_hold(view, &arena));
    arena_clear(&arena);
    snapshot_view_free(view);
    snapshot_slot_free(slot);
}

static void a_request_keeps_what_it_began_with(void **state)
{
    struct snapshot_slot *slot = snapshot_slot_new();
    struct snapshot_view *view = snapshot_view_new(slot);
    struct arena first, second;

    (void)state;
    arena_init(&first, 0);
    arena_init(&second, 0);
    assert_int_equal(publish(slot, 1), OK);
    const struct snapshot *old = snapshot_hold(view, &first);
    assert_ptr_equal(snapshot_hold(view, &second), old);
    assert_int_equal(publish(slot, 2), OK);
    const struct snapshot *young = snapshot_hold(view, &second);
    assert_ptr_not_equal(young, old);
    assert_int_equal(old->version + 1, young->version);
    assert_int_equal(key_table_len(old->keys), 1);
    assert_int_equal(key_table_len(young->keys), 2);
    assert_int_equal(publish(slot, 3), OK);
    arena_clear(&second);
    assert_int_equal(key_table_len(old->keys), 1); /* still held by the first */
    snapshot_view_free(view);
    assert_int_equal(key_table_len(old->keys), 1);
    snapshot_slot_free(slot);
    assert_int_equal(key_table_len(old->keys), 1);
    arena_clear(&first);
}

static void out_of_memory_keeps_the_old_one(void **state)
{
    struct snapshot_slot *slot = snapshot_slot_new();
    struct snapshot_view *view = snapshot_view_new(slot);
    struct registry_rows rows = {0};
    struct registry_fault *faults;
    struct registry *registry;
    struct key_table *keys;
    struct arena arena;
    size_t faults_len;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(publish(slot, 1), OK);
    const struct snapshot *old = snapshot_hold(view, &arena);
    assert_int_equal(registry_new(&rows, &arena, &registry, &faults, &faults_len), OK);
    assert_int_equal(key_table_new(NULL, 0, &keys), OK);
    alloc_fail_at(1);
    assert_int_equal(snapshot_publish_take(slot, registry, keys), -ENOMEM);
    assert_true(alloc_fail_hit());
    assert_ptr_equal(snapshot_hold(view, &arena), old);

    assert_int_equal(publish(slot, 2), OK);
    alloc_fail_at(1); /* the view cannot take the new one yet */
    assert_ptr_equal(snapshot_hold(view, &arena), old);
    assert_true(alloc_fail_hit());
    assert_ptr_not_equal(snapshot_hold(view, &arena), old);
    arena_clear(&arena);
    snapshot_view_free(view);
    snapshot_slot_free(slot);
}

/* A part that is not given goes on; what nobody holds is freed by who sweeps. */
static void parts_are_shared(void **state)
{
    struct snapshot_slot *slot = snapshot_slot_new();
    struct snapshot_view *view = snapshot_view_new(slot);
    struct key_table *keys;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_null(snapshot_take(slot));
    assert_int_equal(publish(slot, 1), OK);
    const struct snapshot *first = snapshot_hold(view, &arena);
    assert_int_equal(key_table_new(NULL, 0, &keys), OK);
    assert_int_equal(snapshot_publish_take(slot, NULL, keys), OK);
    const struct snapshot *second = snapshot_take(slot);
    assert_ptr_equal(second->registry, first->registry);
    assert_ptr_equal(second->keys, keys);
    arena_clear(&arena);
    snapshot_view_free(view);
    snapshot_sweep(slot);
    size_t models;
    assert_non_null(registry_models(second->registry, &models));
    snapshot_drop(second);
    snapshot_slot_free(slot);
}

enum { WORKERS = 3, PUBLISHED = 400, HELD = 4 };

struct world {
    struct snapshot_slot *slot;
    atomic_bool over;
};

static void *work(void *arg)
{
    struct world *w = arg;
    struct snapshot_view *view = snapshot_view_new(w->slot);
    struct arena arenas[HELD];
    uint64_t newest = 0;

    for (int i = 0; i < HELD; i++)
        arena_init(&arenas[i], 0);
    for (unsigned i = 0; !atomic_load(&w->over); i++) {
        struct arena *a = &arenas[i * 7 % HELD];
        arena_clear(a);
        const struct snapshot *s = snapshot_hold(view, a);
        if (s && (s->version < newest || key_table_len(s->keys) != s->version % 8))
            abort();
        newest = s ? s->version : 0;
    }
    for (int i = 0; i < HELD; i++)
        arena_clear(&arenas[i]);
    snapshot_view_free(view);
    return NULL;
}

static void workers_see_whole_snapshots_in_order(void **state)
{
    struct world w = {.slot = snapshot_slot_new()};
    pthread_t threads[WORKERS];

    (void)state;
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &w), 0);
    for (size_t n = 1; n <= PUBLISHED; n++)
        assert_int_equal(publish(w.slot, n), OK); /* versions count from 1, too */
    atomic_store(&w.over, true);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    snapshot_slot_free(w.slot);
}

static void frees_take_null(void **state)
{
    (void)state;
    snapshot_slot_free(NULL);
    snapshot_view_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_there_at_first),
        cmocka_unit_test(a_request_keeps_what_it_began_with),
        cmocka_unit_test(out_of_memory_keeps_the_old_one),
        cmocka_unit_test(parts_are_shared),
        cmocka_unit_test(workers_see_whole_snapshots_in_order),
        cmocka_unit_test(frees_take_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
