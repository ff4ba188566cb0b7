/* gateway_reload.c: SIGHUP: the configuration is read again; what may change without a restart
 * changes, and faults change nothing. */

#include "app/gateway.h"

#include "app/seeding.h"
#include "app/worker.h"
#include "base/log.h"
#include "service/prompt_keeper.h"

#include <stdlib.h>

static void log_faults(const struct config_faults *f)
{
    for (size_t i = 0; i < f->len; i++)
        log_event(LOG_ERROR, "fault in the configuration", LOG_SLICE("where", f->at[i].where),
                  LOG_U64("line", f->at[i].line), LOG_SLICE("fault", f->at[i].message),
                  LOG_SLICE("allowed", f->at[i].allowed), LOG_END);
    log_event(LOG_ERROR, "not reloaded: the old configuration stays",
              LOG_U64("faults", f->len + f->untold), LOG_END);
}

/* What was changed and needs a restart is said, so that nobody waits for it. */
static void log_unapplied(const struct config *old, const struct config *new)
{
    for (const struct setting *s = settings_table; s->path; s++)
        if (!s->reloadable && !setting_is_equal(s, &old->settings, &new->settings))
            log_event(LOG_WARN, "this setting changes with the next start",
                      LOG_STR("setting", s->path), LOG_END);
}

static void apply_log(const struct config *c)
{
    const struct log_settings *s = &c->settings.log;
    struct log_options options = {(enum log_level)s->level, (enum log_format)s->format, s->file.at,
                                  0};
    int rc = log_reopen(&options);

    if (rc < 0)
        log_event(LOG_ERROR, "the log file cannot be opened anew", LOG_SLICE("file", s->file),
                  LOG_RC(rc), LOG_END);
}

static void apply(struct gateway *g, const struct config *c)
{
    apply_log(c);
    g->drain_delay_ms = c->settings.timeouts.drain_delay;
    g->drain_ms = c->settings.timeouts.drain;
    prompt_keeper_set_mode(g->prompts, (enum prompt_mode)c->settings.store_prompts);
    for (unsigned i = 0; i < g->workers_len; i++)
        worker_reload(g->workers[i], &c->settings);
}

void gateway_reload(struct gateway *g)
{
    struct config *fresh = calloc(1, sizeof(*fresh));

    if (!fresh)
        return;
    if (!gateway_load(g, fresh)) {
        log_faults(&fresh->faults);
        config_free(fresh);
        free(fresh);
        return;
    }
    log_unapplied(&g->config, fresh);
    apply(g, fresh);
    seeding_reload_take(g->seeding, fresh);
}
