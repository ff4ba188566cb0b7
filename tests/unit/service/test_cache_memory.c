/* test_cache_memory.c: what is kept is found for its time, within one bound, by all threads. */

#include "service/cache_memory.h"

#include "base/ids.h"
#include "service/cache_room.h"
#include "support/alloc_fail.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

enum { NOW = 1000, TTL = 60000, ROOM = 256 * 1024 };

static struct cache_key key_of(uint64_t n)
{
    struct cache_key key = {{0}};
    uint64_t parts[4] = {n * 0x9e3779b97f4a7c15u, n * 0xc2b2ae3d27d4eb4fu, n, 0};

    memcpy(key.bytes, parts, sizeof(parts));
    return key;
}

static int put(struct cache_memory *m, uint64_t n, struct slice body, uint64_t now_ms)
{
    const struct cache_answer answer = {
        .content_type = SLICE("application/json"),
        .provider = SLICE("box"),
        .body = &body,
        .body_len = 1,
    };
    struct cache_key key = key_of(n);

    return cache_memory_put(m, &key, &answer, TTL, now_ms);
}

static struct cache_entry *get(struct cache_memory *m, uint64_t n, uint64_t now_ms)
{
    struct cache_key key = key_of(n);

    return cache_memory_get(m, &key, now_ms);
}

static bool has(struct cache_memory *m, uint64_t n)
{
    struct cache_entry *e = get(m, n, NOW);

    cache_entry_drop(e);
    return e;
}

static size_t used(struct cache_memory *m)
{
    struct cache_memory_state state;

    cache_memory_state(m, &state);
    return state.bytes;
}

static size_t entries(struct cache_memory *m)
{
    struct cache_memory_state state;

    cache_memory_state(m, &state);
    return state.entries;
}

static int setup(void **state)
{
    *state = cache_memory_new(ROOM);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    cache_memory_free(*state);
    return 0;
}

static void what_is_put_is_found(void **state)
{
    struct cache_memory *m = *state;

    assert_null(get(m, 1, NOW));
    assert_int_equal(put(m, 1, SLICE("one"), NOW), OK);
    assert_int_equal(put(m, 2, SLICE(""), NOW), OK);
    struct cache_entry *one = get(m, 1, NOW), *two = get(m, 2, NOW);
    assert_true(slice_eq(one->body, SLICE("one")));
    assert_true(slice_eq(one->content_type, SLICE("application/json")));
    assert_true(slice_eq(one->provider, SLICE("box")));
    assert_false(one->stream);
    assert_int_equal(two->body.len, 0);
    assert_null(get(m, 3, NOW));
    cache_entry_drop(one);
    cache_entry_drop(two);
}

static void pieces_become_one(void **state)
{
    const struct slice pieces[] = {SLICE_INIT("a"), SLICE_INIT(""), SLICE_INIT("bc")};
    const struct cache_answer answer = {.stream = true, .body = pieces, .body_len = 3};
    struct cache_key key = key_of(1);

    assert_int_equal(cache_memory_put(*state, &key, &answer, TTL, NOW), OK);
    struct cache_entry *e = get(*state, 1, NOW);
    assert_true(e->stream);
    assert_true(slice_eq(e->body, SLICE("abc")));
    cache_entry_drop(e);
}

static void its_time_ends(void **state)
{
    struct cache_memory *m = *state;
    size_t before = used(m);

    assert_int_equal(put(m, 1, SLICE("one"), NOW), OK);
    cache_entry_drop(get(m, 1, NOW + TTL - 1));
    assert_int_equal(entries(m), 1);
    assert_null(get(m, 1, NOW + TTL));
    assert_int_equal(entries(m), 0);
    assert_int_equal(used(m), before);
}

static void the_later_one_replaces(void **state)
{
    struct cache_memory *m = *state;

    assert_int_equal(put(m, 1, SLICE("one"), NOW), OK);
    struct cache_entry *old = get(m, 1, NOW);
    assert_int_equal(put(m, 1, SLICE("two"), NOW), OK);
    assert_true(slice_eq(old->body, SLICE("one"))); /* whoever holds it has it */
    struct cache_entry *fresh = get(m, 1, NOW);
    assert_true(slice_eq(fresh->body, SLICE("two")));
    assert_int_equal(entries(m), 1);
    cache_entry_drop(old);
    cache_entry_drop(fresh);
}

static void the_bound_holds(void **state)
{
    static char text[3000];
    struct cache_memory *m = *state;
    struct cache_memory_state told;

    for (uint64_t n = 1; n <= 1000; n++) {
        assert_int_equal(put(m, n, slice_of(text, n % sizeof(text)), NOW), OK);
        assert_true(used(m) <= ROOM);
        assert_true(has(m, n));
    }
    cache_memory_state(m, &told);
    assert_int_equal(told.entries + told.evictions, 1000);
    assert_true(told.evictions > 100);
}

static void what_was_used_stays(void **state)
{
    static char text[1000];
    struct cache_memory *m = *state;

    assert_int_equal(put(m, 1, slice_of(text, sizeof(text)), NOW), OK);
    for (uint64_t n = 2; n <= 2000; n++) {
        assert_int_equal(put(m, n, slice_of(text, sizeof(text)), NOW), OK);
        assert_true(has(m, 1));
    }
    assert_false(has(m, 2));
}

static void what_is_held_counts(void **state)
{
    static char text[ROOM / 2];
    struct cache_memory *m = *state;

    assert_int_equal(put(m, 1, slice_of(text, sizeof(text)), NOW), OK);
    struct cache_entry *held = get(m, 1, NOW);
    assert_int_equal(put(m, 2, slice_of(text, sizeof(text)), NOW), -ENOSPC);
    assert_false(has(m, 1)); /* it had to go, but its bytes are still in use */
    assert_true(used(m) > sizeof(text));
    cache_entry_drop(held);
    assert_int_equal(put(m, 2, slice_of(text, sizeof(text)), NOW), OK);
}

static void what_is_too_much_is_refused(void **state)
{
    static char text[ROOM];
    struct cache_memory *m = *state;

    assert_int_equal(put(m, 1, SLICE("one"), NOW), OK);
    assert_int_equal(put(m, 2, slice_of(text, sizeof(text)), NOW), -ENOSPC);
    assert_true(has(m, 1)); /* in vain nothing is thrown away */
}

static void room_for_others_is_made(void **state)
{
    static char text[1000];
    struct cache_memory *m = *state;

    for (uint64_t n = 1; n <= 300; n++)
        put(m, n, slice_of(text, sizeof(text)), NOW);
    assert_true(cache_memory_take(m, ROOM / 2));
    assert_true(used(m) <= ROOM);
    assert_true(used(m) >= ROOM / 2);
    assert_false(cache_memory_take(m, ROOM / 2));
    assert_int_equal(entries(m), 0);
    cache_room_give(cache_memory_room(m), ROOM / 2);
}

static void what_is_too_old_goes_first(void **state)
{
    struct cache_memory *m = *state;
    struct cache_memory_state told;

    for (uint64_t n = 1; n <= 500; n++)
        put(m, n, SLICE("x"), NOW);
    for (uint64_t n = 501; n <= 2000; n++)
        put(m, n, SLICE("x"), NOW + TTL);
    cache_memory_state(m, &told);
    assert_true(told.entries < 1600);
}

static void as_a_store(void **state)
{
    struct cache_store *s = cache_memory_store(*state);
    const struct slice body = SLICE("one");
    const struct cache_answer answer = {.body = &body, .body_len = 1};
    struct cache_key key = key_of(1);
    struct cache_fetch f = {.entry = NULL};

    assert_int_equal(s->methods->fetch(s, &key, &f), -ENOENT);
    assert_int_equal(s->methods->keep(s, &key, &answer, TTL), OK);
    assert_int_equal(s->methods->fetch(s, &key, &f), OK);
    assert_true(slice_eq(f.entry->body, body));
    s->methods->cancel(s, &f);
    cache_entry_drop(f.entry);
}

static void out_of_memory_costs_nothing_else(void **state)
{
    struct cache_memory *m = *state;

    (void)m;
    for (unsigned n = 1;; n++) {
        alloc_fail_at(n);
        struct cache_memory *made = cache_memory_new(ROOM);
        bool hit = alloc_fail_hit();
        assert_true(hit == !made);
        cache_memory_free(made);
        if (!hit)
            break;
    }
    for (uint64_t i = 1; i <= 3000; i++) { /* tables that cannot grow are no fault */
        size_t before = used(m);
        alloc_fail_at((unsigned)(i % 3) + 1);
        int rc = put(m, i, SLICE("x"), NOW);
        if (!alloc_fail_hit() || rc == OK)
            continue;
        assert_int_equal(rc, -ENOMEM);
        assert_true(used(m) <= before);
    }
    alloc_fail_at(0);
}

static void *hammer(void *arg)
{
    static char text[4000];
    struct cache_memory *m = arg;
    struct cache_entry *held = NULL;

    for (unsigned i = 0; i < 20000; i++) {
        uint64_t random = ids_random(), n = random % 200;
        struct cache_entry *e = get(m, n, NOW);
        if (!e && put(m, n, slice_of(text, random >> 32 & 2047), NOW) < 0)
            abort();
        if (e) {
            cache_entry_drop(held);
            held = e;
        }
        if (used(m) > ROOM)
            abort();
    }
    cache_entry_drop(held);
    return NULL;
}

static void many_threads(void **state)
{
    pthread_t threads[4];

    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, *state), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    assert_true(cache_memory_take(*state, 1)); /* all of it can be given up */
    cache_room_give(cache_memory_room(*state), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_is_found),
        TEST(pieces_become_one),
        TEST(its_time_ends),
        TEST(the_later_one_replaces),
        TEST(the_bound_holds),
        TEST(what_was_used_stays),
        TEST(what_is_held_counts),
        TEST(what_is_too_much_is_refused),
        TEST(room_for_others_is_made),
        TEST(what_is_too_old_goes_first),
        TEST(as_a_store),
        TEST(out_of_memory_costs_nothing_else),
        TEST(many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
