/* gateway.h: the gateway as a whole: made in order, run, reloaded, taken down in reverse.
 *
 * The main thread owns it, waits for signals and does nothing else; see ARCHITECTURE.md, "Threads".
 */

#pragma once

#include "app/config_file.h"
#include "app/limiting.h"

#include <stdatomic.h>

struct gateway_options {
    const char *config; /* NULL: the usual place */
    const char *port;   /* replaces the one of `listen`; NULL: none */
    bool demo;          /* with no provider configured: start the mock and use it */
};

struct gateway {
    struct gateway_options options;
    struct config config; /* as it was at the start */
    uint64_t drain_delay_ms, drain_ms;

    struct seeding *seeding;
    struct demo *demo;
    struct snapshot_slot *slot;
    struct snapshot_keeper *keeper;
    struct ledger *ledger;
    struct housekeeper *housekeeper;
    struct redactor *redactor;
    struct prompt_keeper *prompts;
    struct limiting limiting;
    struct answer_cache *answers;
    struct admin_desk *desk;
    struct tls_client *tls;
    struct trace_exporter *traces; /* NULL: not wanted */
    struct watching *watching;     /* what is counted, and who tells it */
    struct worker **workers;
    unsigned workers_wanted, workers_len;
    uint16_t port;
    atomic_bool leaving, draining; /* told to end; taking nothing new */
    uint64_t drain_at_ms;          /* once leaving: when the drain begins */
    int signal_fd, ended_fd;
    bool logging;
};

/* Runs until a signal ends it. Returns the exit code. */
int gateway_run(const struct gateway_options *options);

/* --- between the files of the gateway --- */

/* Everything up to the line that says where it listens. False: told why on standard error. */
bool gateway_start(struct gateway *g);
/* Part of it: listens, and begins to serve. False: as above. */
bool gateway_start_workers(struct gateway *g);
/* Whatever has been started, in reverse; the workers have ended or never began. */
void gateway_stop(struct gateway *g);
/* The configuration as this process was told to have it: file, environment, flags, demo. False:
 * there are faults, in *ret, which must be freed in any case. */
bool gateway_load(struct gateway *g, struct config *ret);
/* SIGHUP. */
void gateway_reload(struct gateway *g);
