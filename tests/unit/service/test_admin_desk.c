/* test_admin_desk.c: jobs for the yard: done by its threads, told on the worker's loop, bounded. */

#include "service/admin_desk.h"

#include "service/admin.h"
#include "service/admin_objects.h"

#include "support/pump.h"
#include "support/scratch.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

struct fixture {
    struct scratch scratch;
    char url[SCRATCH_PATH];
    struct loop *loop;
    struct mailbox *mailbox;
    struct admin_desk *desk;
    sem_t go; /* each job that waits takes one */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    scratch_make(&f->scratch);
    scratch_path(&f->scratch, "sqlite:", "courier.db", f->url);
    f->loop = loop_new();
    f->mailbox = mailbox_new(f->loop);
    assert_non_null(f->mailbox);
    sem_init(&f->go, 0, 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    if (f->desk)
        admin_desk_leave(f->desk, f->mailbox);
    mailbox_free(f->mailbox);
    admin_desk_stop(f->desk);
    loop_free(f->loop);
    sem_destroy(&f->go);
    scratch_remove(&f->scratch);
    free(f);
    return 0;
}

static void open_desk_of(struct fixture *f, unsigned threads, size_t waiting, uint64_t wait_ms)
{
    const struct admin_desk_options options = {
        .admin = {slice_str(f->url), secret_of(SLICE("the secret"))},
        .threads = threads,
        .waiting = waiting,
        .wait_ms = wait_ms,
    };
    struct admin *admin;

    assert_int_equal(admin_open(&options.admin, &admin), OK); /* migrates */
    admin_close(admin);
    assert_int_equal(admin_desk_start(&options, &f->desk), OK);
}

static void open_desk(struct fixture *f, size_t waiting, uint64_t wait_ms)
{
    open_desk_of(f, 1, waiting, wait_ms);
}

struct task {
    struct admin_job job;
    struct fixture *f;
    int result, rc;
    bool guest, waits, worked, done;
};

static int work(struct admin_job *job, struct admin *a)
{
    struct task *t = container_of(job, struct task, job);

    __atomic_store_n(&t->worked, a->db != NULL, __ATOMIC_RELEASE);
    if (t->waits)
        sem_wait(&t->f->go);
    return t->result;
}

static void on_done(struct admin_job *job, int rc)
{
    struct task *t = container_of(job, struct task, job);

    assert_false(t->done);
    t->done = true;
    t->rc = rc;
}

static int submit(struct fixture *f, struct task *t)
{
    t->f = f;
    t->job =
        (struct admin_job){.work = work, .done = on_done, .mailbox = f->mailbox, .guest = t->guest};
    return admin_desk_submit(f->desk, &t->job);
}

static bool is_done(void *arg)
{
    return ((struct task *)arg)->done;
}

static void a_job_is_done_and_told(void **state)
{
    struct fixture *f = *state;
    struct task good = {.result = OK}, bad = {.result = -EPERM};

    open_desk(f, 4, 60000);
    assert_int_equal(submit(f, &good), AGAIN);
    assert_int_equal(submit(f, &bad), AGAIN);
    pump_until(f->loop, is_done, &bad);
    assert_true(good.done && good.worked && bad.worked);
    assert_int_equal(good.rc, OK);
    assert_int_equal(bad.rc, -EPERM);
}

static bool is_worked(void *arg)
{
    struct task *t = arg;

    return __atomic_load_n(&t->worked, __ATOMIC_ACQUIRE);
}

static void the_line_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct task first = {.waits = true}, second = {.waits = false}, third = {.waits = false};

    open_desk(f, 1, 60000);
    assert_int_equal(submit(f, &first), AGAIN);
    pump_until(f->loop, is_worked, &first); /* out of the line */
    assert_int_equal(submit(f, &second), AGAIN);
    assert_int_equal(submit(f, &third), -EBUSY);
    sem_post(&f->go);
    pump_until(f->loop, is_done, &second);
    assert_int_equal(submit(f, &third), AGAIN);
    pump_until(f->loop, is_done, &third);
}

static void guests_leave_room_for_administrators(void **state)
{
    struct fixture *f = *state;
    struct task slow = {.guest = true, .waits = true}, second = {.guest = true};
    struct task third = {.guest = true}, fourth = {.guest = true}, admin = {.waits = false};

    open_desk_of(f, 2, 4, 60000);
    assert_int_equal(submit(f, &slow), AGAIN);
    pump_until(f->loop, is_worked, &slow); /* out of the line */
    assert_int_equal(submit(f, &second), AGAIN);
    assert_int_equal(submit(f, &third), AGAIN);
    assert_int_equal(submit(f, &fourth), -EBUSY); /* half of the line is theirs */
    assert_int_equal(submit(f, &admin), AGAIN);
    pump_until(f->loop, is_done, &admin);
    assert_false(slow.done || second.worked || third.worked);
    sem_post(&f->go);
    pump_until(f->loop, is_done, &third);
    assert_true(slow.done && second.done);
    assert_int_equal(submit(f, &fourth), AGAIN);
    pump_until(f->loop, is_done, &fourth);
}

static void nobody_waits_for_ever(void **state)
{
    struct fixture *f = *state;
    struct task late = {.waits = false};

    open_desk(f, 4, 0);
    assert_int_equal(submit(f, &late), AGAIN);
    pump_until(f->loop, is_done, &late);
    assert_int_equal(late.rc, -ETIMEDOUT);
    assert_false(late.worked);
}

static void a_store_that_is_away_is_told(void **state)
{
    struct fixture *f = *state;
    const struct admin_desk_options options = {
        .admin = {SLICE("sqlite:/dev/null/courier.db"), secret_of(SLICE("the secret"))},
        .threads = 1,
        .waiting = 4,
        .wait_ms = 60000,
    };
    struct task t = {.waits = false};

    assert_int_equal(admin_desk_start(&options, &f->desk), OK);
    assert_int_equal(submit(f, &t), AGAIN);
    pump_until(f->loop, is_done, &t);
    assert_true(t.rc < 0 && t.rc != -EPERM);
    assert_false(t.worked);
}

static void who_leaves_hears_of_all(void **state)
{
    struct fixture *f = *state;
    struct task running = {.waits = true}, waiting = {.waits = false};

    open_desk(f, 4, 60000);
    assert_int_equal(submit(f, &running), AGAIN);
    pump_until(f->loop, is_worked, &running);
    assert_int_equal(submit(f, &waiting), AGAIN);
    sem_post(&f->go);
    admin_desk_leave(f->desk, f->mailbox);
    mailbox_free(f->mailbox);
    f->mailbox = mailbox_new(f->loop);
    assert_true(running.done && waiting.done);
    assert_int_equal(running.rc, OK);
    assert_true(waiting.rc == -ECANCELED || waiting.worked); /* it was fast enough to begin */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_is_done_and_told),
        TEST(the_line_is_bounded),
        TEST(guests_leave_room_for_administrators),
        TEST(nobody_waits_for_ever),
        TEST(a_store_that_is_away_is_told),
        TEST(who_leaves_hears_of_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
