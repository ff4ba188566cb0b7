/* ledger_journals.c: see ledger_journals.h. */

#include "service/ledger_journals.h"

#include "service/journal.h"
#include "service/journal_folder.h"

#include "base/durable.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct journal_source {
    struct journal *journal;
    char *left_over; /* the path, to be removed when it is empty; NULL: a worker's */
    size_t taken[JOURNALS_READERS];
};

/* --- records --- */

size_t ledger_journals_read(struct ledger_journals *j, enum journals_reader who, struct record *ret,
                            size_t n)
{
    size_t got = 0;

    while (got == 0 && j->reading[who] < j->len) {
        struct journal_source *s = &j->sources[(j->first + j->reading[who]) % j->len];
        got = journal_read(s->journal, s->taken[who], ret, n);
        s->taken[who] += got;
        j->reading[who] += got < n;
    }
    return got;
}

void ledger_journals_rewind(struct ledger_journals *j, enum journals_reader who)
{
    for (size_t i = 0; i < j->len; i++)
        j->sources[i].taken[who] = 0;
    j->reading[who] = 0;
}

/* One without a worker gets no more. */
static void remove_if_done(struct journal_source *s)
{
    if (!s->left_over || journal_backlog(s->journal) > 0)
        return;
    unlink(s->left_over);
    /* a power cut must not bring back what newer rows have replaced since */
    (void)durable_name(s->left_over);
    free(s->left_over);
    s->left_over = NULL;
}

void ledger_journals_advance(struct ledger_journals *j, enum journals_reader who)
{
    for (size_t i = 0; i < j->len; i++) {
        struct journal_source *s = &j->sources[i];
        journal_advance(s->journal, s->taken[who]);
        remove_if_done(s);
    }
    ledger_journals_rewind(j, who);
    j->first = j->first + 1 < j->len ? j->first + 1 : 0;
}

/* --- opening --- */

void ledger_journals_init(struct ledger_journals *j)
{
    *j = (struct ledger_journals){.lock = -1};
}

void ledger_journals_free(struct ledger_journals *j)
{
    for (size_t i = 0; i < j->len; i++) {
        journal_close(j->sources[i].journal);
        free(j->sources[i].left_over);
    }
    if (j->lock >= 0)
        close(j->lock);
    free(j->sources);
}

/* left_over: a journal without a worker. */
static int add_source(struct ledger_journals *j, const char *path, size_t bytes, bool left_over)
{
    if (j->len == j->cap) {
        size_t cap = j->cap ? j->cap * 2 : 8;
        struct journal_source *grown = realloc(j->sources, cap * sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        j->sources = grown;
        j->cap = cap;
    }
    struct journal_source s = {.left_over = left_over ? strdup(path) : NULL};
    if (left_over && !s.left_over)
        return -ENOMEM;
    int rc = journal_open(path, bytes, &s.journal);
    if (rc < 0) {
        log_event(LOG_ERROR, "journal cannot be opened", LOG_STR("file", path), LOG_RC(rc),
                  LOG_END);
        free(s.left_over);
        return rc;
    }
    remove_if_done(&s);
    j->sources[j->len++] = s;
    return OK;
}

struct left_overs {
    struct ledger_journals *journals;
    size_t bytes;
};

static int found_left_over(void *arg, const char *path, uint64_t number)
{
    struct left_overs *o = arg;

    (void)number;
    return add_source(o->journals, path, o->bytes, true);
}

int ledger_journals_open(struct ledger_journals *j, const char *folder, unsigned workers,
                         size_t bytes)
{
    struct left_overs o = {j, bytes};
    char path[JOURNAL_PATH];
    int rc = journal_folder_lock(folder, &j->lock);

    for (unsigned i = 0; rc == OK && i < workers; i++) {
        rc = journal_folder_path(folder, i, path);
        if (rc == OK)
            rc = add_source(j, path, bytes, false);
    }
    if (rc == OK)
        rc = journal_folder_each(folder, "journal-", workers, found_left_over, &o);
    return rc;
}

/* --- from outside --- */

int ledger_journals_sync(struct ledger_journals *j)
{
    int rc = OK;

    for (size_t i = 0; i < j->len; i++) {
        int one = journal_sync(j->sources[i].journal);
        rc = rc < 0 ? rc : one;
    }
    return rc;
}

size_t ledger_journals_backlog(const struct ledger_journals *j)
{
    size_t n = 0;

    for (size_t i = 0; i < j->len; i++)
        n += journal_backlog(j->sources[i].journal);
    return n;
}

bool ledger_journals_are_filling(const struct ledger_journals *j)
{
    bool filling = false;

    for (size_t i = 0; i < j->len; i++)
        filling |= journal_is_filling(j->sources[i].journal);
    return filling;
}

uint64_t ledger_journals_lost(const struct ledger_journals *j)
{
    uint64_t n = 0;

    for (size_t i = 0; i < j->len; i++)
        n += journal_lost(j->sources[i].journal);
    return n;
}

struct journal *ledger_journals_at(const struct ledger_journals *j, unsigned i)
{
    return j->sources[i].journal;
}
