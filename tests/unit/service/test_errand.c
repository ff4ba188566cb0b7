/* Blocking work for a request that stays, or leaves before the work is done. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/alloc_fail.h"
#include "service/errand.h"

#include <errno.h>
#include <pthread.h>

static struct loop *loop;
static unsigned runs, dones, releases;
static int told;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static int run(struct errand *e)
{
    (void)e;
    pthread_mutex_lock(&gate);
    runs++;
    pthread_mutex_unlock(&gate);
    return -EPROTO;
}

static void done(struct op *op, int rc)
{
    (void)op;
    dones++;
    told = rc;
    loop_stop(loop);
}

static void release(struct errand *e)
{
    (void)e;
    releases++;
}

static struct errand errand;

static int open_loop(void **state)
{
    (void)state;
    runs = dones = releases = 0;
    told = 0;
    loop = loop_new();
    errand = (struct errand){.op.done = done, .run = run, .release = release};
    return loop ? 0 : -1;
}

static void what_it_came_to_is_told_and_it_lives_as_long_as_the_request(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    assert_int_equal(errand_start(loop, &errand, &a), AGAIN);
    assert_int_equal(dones, 0);
    loop_run(loop);
    assert_int_equal(dones, 1);
    assert_int_equal(told, -EPROTO);
    assert_int_equal(releases, 0);
    arena_clear(&a);
    assert_int_equal(releases, 1);
    loop_free(loop);
}

static void who_left_is_not_told_and_the_work_ends_by_itself(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    pthread_mutex_lock(&gate); /* it cannot be over before the request is */
    assert_int_equal(errand_start(loop, &errand, &a), AGAIN);
    arena_clear(&a);
    assert_int_equal(releases, 0);
    pthread_mutex_unlock(&gate);
    loop_free(loop); /* waits for what is still in the yard */
    assert_int_equal(runs, 1);
    assert_int_equal(dones, 0);
    assert_int_equal(releases, 1);
}

static void without_memory_it_is_released_at_once(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct arena a;
        arena_init(&a, 0);
        releases = dones = 0;
        alloc_fail_at(n);
        int rc = errand_start(loop, &errand, &a);
        if (!alloc_fail_hit()) {
            assert_int_equal(rc, AGAIN);
            loop_run(loop);
            arena_clear(&a);
            break;
        }
        assert_int_equal(rc, -ENOMEM);
        assert_int_equal(releases, 1);
        arena_clear(&a);
        assert_int_equal(releases, 1);
    }
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_it_came_to_is_told_and_it_lives_as_long_as_the_request,
                               open_loop),
        cmocka_unit_test_setup(who_left_is_not_told_and_the_work_ends_by_itself, open_loop),
        cmocka_unit_test_setup(without_memory_it_is_released_at_once, open_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
