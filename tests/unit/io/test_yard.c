/* test_yard.c: what reaches a loop from other threads: mail, offloaded work, resolved names. */

#include "io/mailbox.h"
#include "io/offload.h"
#include "io/resolve.h"

#include "support/alloc_fail.h"
#include "support/pump.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
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

enum { SENDERS = 4, LETTERS = 2000 };

struct letter {
    struct mail mail;
    unsigned sender, number;
};

static unsigned opened, last_of[SENDERS];
static bool in_order;

static void letter_open(struct mail *m)
{
    struct letter *l = container_of(m, struct letter, mail);

    in_order = in_order && l->number == last_of[l->sender] + 1;
    last_of[l->sender] = l->number;
    opened++;
    free(l);
}

struct sender {
    struct mailbox *box;
    unsigned number;
    pthread_t thread;
};

static void *sender_run(void *arg)
{
    struct sender *s = arg;

    for (unsigned i = 1; i <= LETTERS; i++) {
        struct letter *l = calloc(1, sizeof(*l));
        l->mail.open = letter_open;
        l->sender = s->number;
        l->number = i;
        mailbox_post(s->box, &l->mail);
    }
    return NULL;
}

static bool all_opened(void *arg)
{
    (void)arg;
    return opened == SENDERS * LETTERS;
}

static void test_mail_of_many_senders_comes_whole_and_in_order(void **state)
{
    struct sender senders[SENDERS];
    struct mailbox *box = mailbox_new(*state);

    opened = 0;
    in_order = true;
    for (unsigned i = 0; i < SENDERS; i++) {
        last_of[i] = 0;
        senders[i] = (struct sender){.box = box, .number = i};
        pthread_create(&senders[i].thread, NULL, sender_run, &senders[i]);
    }
    pump_until(*state, all_opened, NULL);
    for (unsigned i = 0; i < SENDERS; i++)
        pthread_join(senders[i].thread, NULL);
    assert_true(in_order);
    mailbox_free(box);
}

static void test_a_mailbox_opens_what_is_left_when_it_goes(void **state)
{
    struct mailbox *box = mailbox_new(*state);
    struct letter *l = calloc(1, sizeof(*l));

    opened = 0;
    last_of[0] = 0;
    l->mail.open = letter_open;
    l->number = 1;
    mailbox_post(box, &l->mail);
    mailbox_free(box);
    assert_int_equal(opened, 1);
}

struct job {
    struct offload offload;
    pthread_t worked_on;
    int rc;
    bool done;
};

static int job_work(struct offload *o)
{
    struct job *j = container_of(o, struct job, offload);

    j->worked_on = pthread_self();
    return -ENOENT;
}

static void job_on_done(struct op *op, int rc)
{
    struct job *j = container_of(op, struct job, offload.op);

    j->rc = rc;
    j->done = true;
}

static bool job_is_done(void *arg)
{
    return ((struct job *)arg)->done;
}

static void test_work_runs_elsewhere_and_its_end_here(void **state)
{
    struct job j = {
        .offload = {.op.done = job_on_done, .work = job_work}
    };

    assert_int_equal(offload_start(*state, &j.offload), AGAIN);
    assert_false(j.done);
    pump_until(*state, job_is_done, &j);
    assert_int_equal(j.rc, -ENOENT);
    assert_false(pthread_equal(j.worked_on, pthread_self()));
}

static void test_no_memory_for_work(void **state)
{
    struct job j = {
        .offload = {.op.done = job_on_done, .work = job_work}
    };

    alloc_fail_at(1);
    assert_int_equal(offload_start(*state, &j.offload), -ENOMEM);
    assert_true(alloc_fail_hit());
}

struct asked {
    struct resolve resolve;
    int rc;
    bool done;
};

static void asked_on_done(struct op *op, int rc)
{
    struct asked *a = container_of(op, struct asked, resolve.op);

    a->rc = rc;
    a->done = true;
}

static bool asked_is_done(void *arg)
{
    return ((struct asked *)arg)->done;
}

static void test_literals_are_answered_at_once(void **state)
{
    struct asked a = {.resolve.op.done = asked_on_done};

    assert_int_equal(resolve_start(*state, &a.resolve, SLICE("10.1.2.3"), 443), OK);
    assert_int_equal(a.resolve.len, 1);
    assert_int_equal(a.resolve.addresses[0].v4.sin_family, AF_INET);
    assert_int_equal(ntohl(a.resolve.addresses[0].v4.sin_addr.s_addr), 0x0a010203);
    assert_int_equal(ntohs(a.resolve.addresses[0].v4.sin_port), 443);
    assert_int_equal(resolve_start(*state, &a.resolve, SLICE("fe80::1"), 80), OK);
    assert_int_equal(a.resolve.addresses[0].v6.sin6_family, AF_INET6);
    assert_int_equal(ntohs(a.resolve.addresses[0].v6.sin6_port), 80);
    assert_false(a.done);
}

static void test_a_name_is_resolved(void **state)
{
    struct asked a = {.resolve.op.done = asked_on_done};

    assert_int_equal(resolve_start(*state, &a.resolve, SLICE("localhost"), 8080), AGAIN);
    pump_until(*state, asked_is_done, &a);
    assert_int_equal(a.rc, OK);
    assert_true(a.resolve.len >= 1);
    assert_int_equal(ntohs(a.resolve.addresses[0].v4.sin_port), 8080); /* same place in v6 */
}

static void test_a_name_that_cannot_be(void **state)
{
    struct asked a = {.resolve.op.done = asked_on_done};
    char longest[300];

    memset(longest, 'a', sizeof(longest));
    assert_int_equal(resolve_start(*state, &a.resolve, slice_of(longest, sizeof(longest)), 80),
                     -EHOSTUNREACH);
    assert_int_equal(resolve_start(*state, &a.resolve, SLICE(""), 80), -EHOSTUNREACH);
    int rc = resolve_start(*state, &a.resolve, SLICE("no.such.host.invalid"), 80);
    assert_int_equal(rc, AGAIN);
    pump_until(*state, asked_is_done, &a);
    assert_true(a.rc == -EHOSTUNREACH || a.rc == -EAGAIN); /* without a network: try later */
}

static void test_a_cancelled_name_may_go_at_once(void **state)
{
    struct asked *a = calloc(1, sizeof(*a));

    a->resolve.op.done = asked_on_done;
    assert_int_equal(resolve_start(*state, &a->resolve, SLICE("localhost"), 80), AGAIN);
    resolve_cancel(&a->resolve);
    resolve_cancel(&a->resolve);
    free(a);
    pump_turns(*state, 100);
}

static void test_no_memory_for_a_name(void **state)
{
    struct asked a = {.resolve.op.done = asked_on_done};

    alloc_fail_at(1);
    assert_int_equal(resolve_start(*state, &a.resolve, SLICE("localhost"), 80), -ENOMEM);
    assert_true(alloc_fail_hit());
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    /* a name that does not exist is known soon, whatever the network around is like */
    setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
    setenv("LOCALDOMAIN", "", 1);
    const struct CMUnitTest tests[] = {
        TEST(test_mail_of_many_senders_comes_whole_and_in_order),
        TEST(test_a_mailbox_opens_what_is_left_when_it_goes),
        TEST(test_work_runs_elsewhere_and_its_end_here),
        TEST(test_no_memory_for_work),
        TEST(test_literals_are_answered_at_once),
        TEST(test_a_name_is_resolved),
        TEST(test_a_name_that_cannot_be),
        TEST(test_a_cancelled_name_may_go_at_once),
        TEST(test_no_memory_for_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
