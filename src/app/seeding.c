/* seeding.c: see seeding.h. */

#include "app/seeding.h"

#include "app/command.h"
#include "app/installation.h"
#include "base/log.h"
#include "service/key_admin.h"
#include "service/pacer.h"
#include "service/registry_admin.h"
#include "service/snapshot_keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { RETRY_MS = 1000, REST_MS = 60000 };

struct seeding {
    struct config *start;
    struct snapshot_keeper *keeper;
    pthread_t thread;
    struct pacer pacer;
    bool running;

    pthread_mutex_t lock;
    struct config *next; /* of the last SIGHUP; NULL: none is new */

    /* the starter's, then the thread's */
    struct config *reloaded; /* what the configuration says, instead of start; NULL: nothing else */
    struct admin *admin;     /* NULL: not opened yet */
    struct arena arena;      /* of first_key */
    struct secret first_key;
    atomic_bool admits; /* the store was opened, and is this installation's */
    bool has_key;       /* an admin key is there */
    bool done;
    bool reloading;             /* by a SIGHUP that is not done yet */
    char why[INSTALLATION_WHY]; /* it failed the last time, as it was told; empty: it did not */
};

static struct config *config_of(struct seeding *s)
{
    return s->reloaded ? s->reloaded : s->start;
}

/* --- one attempt --- */

/* Told at once: what comes after it may fail, and the next start tells no key. */
static void tell_key(struct secret key)
{
    printf("the admin key, shown only now: %.*s\n", SLICE_FMT(secret_reveal(key)));
    fflush(stdout);
}

/* The first start of an installation without a configured key. */
static int make_first_key(struct seeding *s)
{
    struct secret key;
    int rc = s->has_key ? -EEXIST : key_admin_create_first(s->admin, &s->arena, &key);

    if (rc == OK) {
        s->first_key = key;
        tell_key(key);
    }
    s->has_key |= rc == OK || rc == -EEXIST;
    return rc == -EEXIST ? OK : rc;
}

static int open_store(struct seeding *s, char why[INSTALLATION_WHY])
{
    int rc = s->admin ? OK : installation_try(s->start, &s->admin, why);

    if (rc == OK)
        atomic_store(&s->admits, true);
    return rc;
}

static int write_entries(struct seeding *s, char why[INSTALLATION_WHY])
{
    const struct config *c = config_of(s);
    int rc = key_admin_configure(s->admin, c->settings.admin_key);

    if (rc == OK)
        rc =
            registry_admin_seed(s->admin, c->providers, c->providers_len, c->models, c->models_len);
    if (rc == OK)
        rc = make_first_key(s);
    if (rc < 0)
        snprintf(why, INSTALLATION_WHY, "the store cannot be written: %s", log_errno(rc));
    return rc;
}

/* --- the start --- */

struct seeding *seeding_new(struct config *config)
{
    struct seeding *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->start = config;
    arena_init(&s->arena, 0);
    pacer_init(&s->pacer);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

static void tell_away(struct seeding *s, const char *why)
{
    if (strcmp(s->why, why) == 0)
        return;
    snprintf(s->why, sizeof(s->why), "%s", why);
    log_event(LOG_WARN,
              "what the configuration says is not in the store yet; it is tried again until it is",
              LOG_STR("why", why), LOG_END);
}

/* rc of the start's attempts: whether there is hope. */
static bool is_hopeful(struct seeding *s, int rc, const char *why)
{
    if (rc == OK)
        return true;
    if (!installation_is_away(s->start, rc)) {
        command_complain("%s", why);
        return false;
    }
    tell_away(s, why);
    return true;
}

bool seeding_open(struct seeding *s)
{
    char why[INSTALLATION_WHY], no_key[INSTALLATION_WHY];
    int rc = open_store(s, why);

    if (!is_hopeful(s, rc, why))
        return false;
    if (rc == OK || installation_secret(s->start, no_key) == OK)
        return true;
    command_complain("%s; and without it %s: set secret_key", why, no_key);
    return false;
}

bool seeding_begin(struct seeding *s)
{
    char why[INSTALLATION_WHY];
    int rc = s->admin ? write_entries(s, why) : -ENOTCONN;

    s->done = rc == OK;
    return rc == -ENOTCONN || is_hopeful(s, rc, why);
}

const atomic_bool *seeding_admits(const struct seeding *s)
{
    return &s->admits;
}

bool seeding_is_done(const struct seeding *s)
{
    return s->done;
}

struct secret seeding_first_key(const struct seeding *s)
{
    return s->first_key;
}

/* --- the thread --- */

static void free_config(struct config *c)
{
    if (c)
        config_free(c);
    free(c);
}

static void take_next(struct seeding *s)
{
    pthread_mutex_lock(&s->lock);
    struct config *next = s->next;
    s->next = NULL;
    pthread_mutex_unlock(&s->lock);
    if (!next)
        return;
    free_config(s->reloaded);
    s->reloaded = next;
    s->done = false;
    s->reloading = true;
}

static void tell_done(struct seeding *s)
{
    const struct config *c = config_of(s);

    if (s->why[0])
        log_event(LOG_INFO, "what the configuration says is in the store", LOG_END);
    if (s->reloading)
        log_event(LOG_INFO, "reloaded", LOG_SLICE("config", c->file),
                  LOG_U64("providers", c->providers_len), LOG_U64("models", c->models_len),
                  LOG_END);
    s->why[0] = '\0';
    s->reloading = false;
}

static void attempt(struct seeding *s)
{
    char why[INSTALLATION_WHY];
    int rc = open_store(s, why);

    if (rc == OK)
        rc = write_entries(s, why);
    s->done = rc == OK;
    if (rc < 0) {
        tell_away(s, why);
        return;
    }
    snapshot_keeper_admit(s->keeper);
    snapshot_keeper_reload(s->keeper);
    tell_done(s);
}

static void *seeding_run(void *arg)
{
    struct seeding *s = arg;

    while (pacer_wait(&s->pacer, s->done ? REST_MS : RETRY_MS) != PACER_STOPPED) {
        take_next(s);
        if (!s->done)
            attempt(s);
    }
    return NULL;
}

int seeding_start(struct seeding *s, struct snapshot_keeper *keeper)
{
    s->keeper = keeper;
    int rc = -pthread_create(&s->thread, NULL, seeding_run, s);
    s->running = rc == OK;
    return rc;
}

void seeding_reload_take(struct seeding *s, struct config *fresh)
{
    pthread_mutex_lock(&s->lock);
    struct config *unread = s->next;
    s->next = fresh;
    pthread_mutex_unlock(&s->lock);
    free_config(unread);
    pacer_wake(&s->pacer);
}

void seeding_stop(struct seeding *s)
{
    if (!s)
        return;
    pacer_stop(&s->pacer, 0);
    if (s->running)
        pthread_join(s->thread, NULL);
    admin_close(s->admin);
    free_config(s->next);
    free_config(s->reloaded);
    pacer_free(&s->pacer);
    pthread_mutex_destroy(&s->lock);
    arena_clear(&s->arena);
    free(s);
}
