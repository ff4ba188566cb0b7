/* test_loop.c: timers in order and moved, and the end of a turn. */

#include "io/loop.h"

#include "support/alloc_fail.h"
#include "support/pump.h"

#include <errno.h>
#include <stdlib.h>

static int setup(void **state)
{
    *state = loop_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    loop_free(*state);
    return 0;
}

struct clock {
    struct timer timer;
    uint64_t fired_ms;
    unsigned fired;
};

static unsigned clocks_left;

static void clock_on_fire(struct timer *t)
{
    struct clock *c = container_of(t, struct clock, timer);

    c->fired_ms = loop_now_ms(t->loop);
    c->fired++;
    clocks_left--;
}

static bool none_left(void *arg)
{
    (void)arg;
    return clocks_left == 0;
}

static void test_timers_fire_once_and_not_early(void **state)
{
    struct loop *loop = *state;
    static struct clock clocks[200];
    uint64_t due[200];

    clocks_left = 200;
    for (size_t i = 0; i < 200; i++) {
        uint64_t delay = (i * 37) % 50;
        timer_init(&clocks[i].timer, loop, clock_on_fire);
        clocks[i].fired = 0;
        due[i] = loop_now_ms(loop) + delay;
        assert_int_equal(timer_set(&clocks[i].timer, delay), OK);
        assert_true(timer_is_set(&clocks[i].timer));
    }
    pump_until(loop, none_left, NULL);
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(clocks[i].fired, 1);
        assert_true(clocks[i].fired_ms >= due[i]);
        assert_false(timer_is_set(&clocks[i].timer));
    }
}

static void test_a_deadline_moves_both_ways(void **state)
{
    struct loop *loop = *state;
    struct clock later = {0}, sooner = {0};
    uint64_t start = loop_now_ms(loop);

    clocks_left = 2;
    timer_init(&later.timer, loop, clock_on_fire);
    timer_init(&sooner.timer, loop, clock_on_fire);
    assert_int_equal(timer_set(&later.timer, 5), OK);
    assert_int_equal(timer_set(&later.timer, 40), OK); /* pushed off: keeps its place in the heap */
    assert_true(later.timer.key_ms < later.timer.due_ms);
    assert_int_equal(timer_set(&sooner.timer, 3600000), OK); /* pulled in: else nothing fires it */
    assert_int_equal(timer_set(&sooner.timer, 20), OK);
    pump_until(loop, none_left, NULL);
    assert_true(later.fired_ms >= start + 40);
    assert_true(sooner.fired_ms >= start + 20);
}

static void test_stopped_timers_do_not_fire(void **state)
{
    struct loop *loop = *state;
    static struct clock clocks[100];

    for (size_t i = 0; i < 100; i++) {
        timer_init(&clocks[i].timer, loop, clock_on_fire);
        clocks[i].fired = 0;
        assert_int_equal(timer_set(&clocks[i].timer, (i * 7919) % 20), OK);
    }
    clocks_left = 50;
    for (size_t i = 0; i < 100; i += 2) {
        timer_stop(&clocks[i].timer);
        timer_stop(&clocks[i].timer);
    }
    pump_until(loop, none_left, NULL);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(clocks[i].fired, i % 2);
}

/* The heap against a plain list, with stops and moves in a fixed random order. */
static void test_order_holds_under_random_moves(void **state)
{
    struct loop *loop = *state;
    static struct clock clocks[64];
    unsigned seed = 7;

    for (size_t i = 0; i < 64; i++) {
        timer_init(&clocks[i].timer, loop, clock_on_fire);
        clocks[i].fired = 0;
    }
    for (unsigned step = 0; step < 5000; step++) {
        seed = seed * 1103515245 + 12345;
        struct timer *t = &clocks[(seed >> 16) % 64].timer;
        if ((seed >> 8) % 4 == 0)
            timer_stop(t);
        else
            assert_int_equal(timer_set(t, (seed >> 20) % 30), OK);
    }
    clocks_left = 0;
    for (size_t i = 0; i < 64; i++)
        clocks_left += timer_is_set(&clocks[i].timer);
    pump_until(loop, none_left, NULL);
    for (size_t i = 0; i < 64; i++) {
        assert_false(timer_is_set(&clocks[i].timer));
        if (clocks[i].fired)
            assert_true(clocks[i].fired_ms >= clocks[i].timer.due_ms);
    }
}

static unsigned again_count;

static void again_on_fire(struct timer *t)
{
    if (++again_count < 3)
        assert_int_equal(timer_set(t, 0), OK);
}

static bool fired_thrice(void *arg)
{
    (void)arg;
    return again_count == 3;
}

static void test_a_timer_may_set_itself_while_firing(void **state)
{
    struct timer t;

    again_count = 0;
    timer_init(&t, *state, again_on_fire);
    assert_int_equal(timer_set(&t, 0), OK);
    pump_until(*state, fired_thrice, NULL);
}

static void test_timer_set_without_memory(void **state)
{
    struct timer t;

    timer_init(&t, *state, clock_on_fire);
    alloc_fail_at(1);
    assert_int_equal(timer_set(&t, 5), -ENOMEM);
    assert_true(alloc_fail_hit());
    assert_false(timer_is_set(&t));
    timer_stop(&t);
}

static void test_no_loop_without_memory(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 2; n++) {
        alloc_fail_at(n);
        assert_null(loop_new());
        assert_true(alloc_fail_hit());
    }
}

struct step {
    struct turn_end turn;
    struct loop *loop;
    struct step *then; /* queued from within */
    unsigned runs, most;
};

static void step_run(struct turn_end *t)
{
    struct step *s = container_of(t, struct step, turn);

    s->runs++;
    if (s->then)
        turn_end_queue(s->loop, &s->then->turn);
    if (s->runs < s->most)
        turn_end_queue(s->loop, t);
}

static bool step_done(void *arg)
{
    const struct step *s = arg;

    return s->runs >= s->most;
}

static void step_init(struct step *s, struct loop *loop, unsigned most)
{
    *s = (struct step){.loop = loop, .most = most};
    turn_end_init(&s->turn, step_run);
}

static void test_turn_end_runs_once_however_often_queued(void **state)
{
    struct step s;

    step_init(&s, *state, 1);
    turn_end_queue(*state, &s.turn);
    turn_end_queue(*state, &s.turn);
    pump_until(*state, step_done, &s);
    assert_int_equal(s.runs, 1);
}

static void test_turn_end_queued_within_runs_too(void **state)
{
    struct step first, second;

    step_init(&first, *state, 1);
    step_init(&second, *state, 1);
    first.then = &second;
    turn_end_queue(*state, &first.turn);
    pump_until(*state, step_done, &second);
    assert_int_equal(first.runs, 1);
}

/* More passes than one turn makes: the rest comes without waiting for any event. */
static void test_turn_end_that_queues_itself_goes_on(void **state)
{
    struct step s;

    step_init(&s, *state, 100);
    turn_end_queue(*state, &s.turn);
    pump_until(*state, step_done, &s);
    assert_int_equal(s.runs, 100);
}

static void test_turn_end_cancelled_does_not_run(void **state)
{
    struct step gone, s;

    step_init(&gone, *state, 1);
    step_init(&s, *state, 1);
    turn_end_queue(*state, &gone.turn);
    turn_end_queue(*state, &s.turn);
    turn_end_cancel(&gone.turn);
    turn_end_cancel(&gone.turn);
    pump_until(*state, step_done, &s);
    assert_int_equal(gone.runs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_timers_fire_once_and_not_early, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_deadline_moves_both_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stopped_timers_do_not_fire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order_holds_under_random_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_timer_may_set_itself_while_firing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer_set_without_memory, setup, teardown),
        cmocka_unit_test(test_no_loop_without_memory),
        cmocka_unit_test_setup_teardown(test_turn_end_runs_once_however_often_queued, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_turn_end_queued_within_runs_too, setup, teardown),
        cmocka_unit_test_setup_teardown(test_turn_end_that_queues_itself_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_turn_end_cancelled_does_not_run, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
