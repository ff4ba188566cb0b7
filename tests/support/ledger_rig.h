/* ledger_rig.h: a ledger over a database and a folder of a test's own, and records to give it. */

#pragma once

#include "service/journal.h"
#include "service/ledger.h"
#include "support/store_rig.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

enum {
    LEDGER_RIG_JOURNAL = 1 << 20,
    LEDGER_RIG_SPOOL = 64 << 20,
    LEDGER_RIG_PLENTY_MS = 60000, /* for a stop that is to write everything */
};

struct ledger_rig {
    struct store_rig store;
    char folder[SCRATCH_PATH];
    struct ledger *ledger;
    uint64_t spool_bytes;
};

static inline int ledger_rig_setup(void **state)
{
    struct ledger_rig *rig = calloc(1, sizeof(*rig));

    store_rig_make(&rig->store, false);
    scratch_path(&rig->store.scratch, "", "deep/journals", rig->folder);
    rig->spool_bytes = LEDGER_RIG_SPOOL;
    *state = rig;
    return 0;
}

static inline int ledger_rig_teardown(void **state)
{
    struct ledger_rig *rig = *state;

    store_rig_drop(&rig->store);
    free(rig);
    return 0;
}

#define LEDGER_TEST(name)                                                                          \
    cmocka_unit_test_setup_teardown(name, ledger_rig_setup, ledger_rig_teardown)

/* With the rig's sizes; a test may change them. store: a URL. */
static inline struct ledger_options ledger_rig_options(const struct ledger_rig *rig,
                                                       const char *store, unsigned workers)
{
    return (struct ledger_options){
        .store = slice_str(store),
        .folder = rig->folder,
        .workers = workers,
        .journal_bytes = LEDGER_RIG_JOURNAL,
        .spool_bytes = rig->spool_bytes,
    };
}

static inline int ledger_rig_start(struct ledger_rig *rig, const char *store, unsigned workers)
{
    struct ledger_options options = ledger_rig_options(rig, store, workers);

    return ledger_start(&options, &rig->ledger);
}

static inline struct record record_of(uint64_t n)
{
    struct record r = {.created_wall_us = 1769860800000000 + n, .prompt_tokens = n};

    for (int i = 0; i < 8; i++)
        r.id.bytes[15 - i] = (unsigned char)(n >> 8 * i);
    snprintf(r.request_id, sizeof(r.request_id), "request-%llu", (unsigned long long)n);
    return r;
}

/* Rows of so many records, each once and whole. */
static inline void expect_rows(struct ledger_rig *rig, int64_t count)
{
    struct db *db = rig->store.db;

    assert_int_equal(db_rig_number(db, "SELECT count(*) FROM usage_logs"), count);
    assert_int_equal(db_rig_number(db,
                                   "SELECT count(*) FROM usage_logs WHERE request_id = 'request-' "
                                   "|| prompt_tokens"),
                     count);
}

/* --- a gateway that dies --- */

/* As a worker that never gives up, by turns into the journals of two. */
static inline void ledger_rig_append(struct ledger_rig *rig, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n < to; n++) {
        struct record r = record_of(n);
        while (journal_append(ledger_journal(rig->ledger, n % 2), &r) == -ENOSPC)
            sched_yield();
    }
}

static inline void ledger_rig_run(struct ledger_rig *rig, const char *store, uint64_t from,
                                  int told)
{
    if (ledger_rig_start(rig, store, 2) < 0)
        _exit(1);
    for (uint64_t n = from;; n++) {
        ledger_rig_append(rig, n, n + 1);
        if (write(told, &n, sizeof(n)) != (ssize_t)sizeof(n))
            _exit(2);
    }
}

/* A process of its own, which must inherit no connection, appends numbers from `from` until it is
 * killed, `after` of them later or soon thereafter. The last one that it told. */
static inline uint64_t ledger_rig_kill_one(struct ledger_rig *rig, const char *store, uint64_t from,
                                           unsigned after)
{
    int told[2], status;
    uint64_t n, last = from - 1;

    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(told[0]);
        ledger_rig_run(rig, store, from, told[1]);
    }
    close(told[1]);
    while (read(told[0], &n, sizeof(n)) == (ssize_t)sizeof(n)) {
        last = n;
        if (n == from + after)
            kill(pid, SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    close(told[0]);
    return last;
}
