/* Workers that are asked, that come, leave, and answer too late. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "io/loop.h"
#include "io/mailbox.h"
#include "service/fleet.h"

#include <pthread.h>
#include <stdlib.h>

/* A worker: a thread with a loop. */
struct member {
    struct loop *loop;
    struct mailbox *mailbox;
    struct fleet *fleet;
    size_t tells;
    pthread_t thread;
    struct mail stop;
};

static void report(void *owner, struct fleet_report *ret)
{
    ret->client_connections = ((struct member *)owner)->tells;
}

static void on_stop(struct mail *m)
{
    loop_stop(container_of(m, struct member, stop)->loop);
}

static void *run(void *arg)
{
    struct member *m = arg;

    loop_run(m->loop);
    fleet_leave(m->fleet, m);
    mailbox_free(m->mailbox);
    loop_free(m->loop);
    return NULL;
}

static void member_make(struct member *m, struct fleet *f, size_t tells)
{
    *m = (struct member){.fleet = f, .tells = tells, .stop.open = on_stop};
    m->loop = loop_new();
    m->mailbox = mailbox_new(m->loop);
    assert_int_equal(fleet_join(f, &(struct fleet_member){m->mailbox, report, m}), OK);
}

static void member_start(struct member *m)
{
    assert_int_equal(pthread_create(&m->thread, NULL, run, m), 0);
}

static void member_stop(struct member *m)
{
    mailbox_post(m->mailbox, &m->stop);
    pthread_join(m->thread, NULL);
}

static void everyone_answers(void **state)
{
    struct fleet *f = fleet_new();
    struct member members[3];
    struct fleet_reports *reports;
    size_t sum = 0;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        member_make(&members[i], f, (size_t)1 << i);
        member_start(&members[i]);
    }
    assert_int_equal(fleet_ask(f, 60000, &reports), OK);
    for (size_t i = 0; i < reports->len; i++)
        sum += reports->at[i].client_connections;
    assert_int_equal(reports->len, 3);
    assert_int_equal(sum, 7);
    fleet_reports_free(reports);

    member_stop(&members[1]);
    assert_int_equal(fleet_ask(f, 60000, &reports), OK);
    assert_int_equal(reports->len, 2);
    fleet_reports_free(reports);
    member_stop(&members[0]);
    member_stop(&members[2]);
    assert_int_equal(fleet_ask(f, 60000, &reports), OK);
    assert_int_equal(reports->len, 0);
    fleet_reports_free(reports);
    fleet_free(f);
}

/* What it says then goes nowhere, and is freed all the same. */
static void who_is_late_is_left_out(void **state)
{
    struct fleet *f = fleet_new();
    struct member late;
    struct fleet_reports *reports;

    (void)state;
    member_make(&late, f, 1);
    assert_int_equal(fleet_ask(f, 0, &reports), OK);
    assert_int_equal(reports->len, 0);
    fleet_reports_free(reports);
    member_start(&late); /* opens its letter now */
    member_stop(&late);
    fleet_free(f);
}

static void *ask_often(void *arg)
{
    struct fleet_reports *reports;

    for (unsigned i = 0; i < 300; i++) {
        assert_int_equal(fleet_ask(arg, 60000, &reports), OK);
        fleet_reports_free(reports);
    }
    return NULL;
}

/* For the sanitizers: workers end while they are asked. */
static void workers_come_and_go(void **state)
{
    struct fleet *f = fleet_new();
    pthread_t asker;

    (void)state;
    assert_int_equal(pthread_create(&asker, NULL, ask_often, f), 0);
    for (unsigned i = 0; i < 100; i++) {
        struct member m;
        member_make(&m, f, 1);
        member_start(&m);
        member_stop(&m);
    }
    pthread_join(asker, NULL);
    fleet_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everyone_answers),
        cmocka_unit_test(who_is_late_is_left_out),
        cmocka_unit_test(workers_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
