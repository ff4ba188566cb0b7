/* settings.h: every setting of the gateway, in one table.
 *
 * The table serves the YAML file (config_file.h), the environment (COURIER_<PATH_IN_CAPITALS>,
 * which wins) and docs/configuration.md (settings_page); the members of providers and models are
 * in tables of their own (model/setting.h). A setting that is not in it does not
 * exist. */

#pragma once

#include "base/buf.h"
#include "base/log.h"
#include "base/secret.h"
#include "model/rows.h"
#include "model/setting.h"
#include "wire/setting_value.h"

struct settings {
    struct slice listen, metrics_listen; /* the second may be empty */
    uint64_t workers;                    /* 0: one for each core */
    struct slice store;                  /* sqlite:PATH or postgres://… */
    uint64_t retention;                  /* milliseconds, 0: for ever */
    struct slice folder;                 /* `data`: of own files, when the store is no file */
    unsigned store_prompts;              /* enum prompt_mode */
    struct slice otlp_endpoint, otlp_service_name; /* the first may be empty: no traces */
    struct secret otlp_headers;                    /* may be empty */
    uint64_t otlp_sample;                          /* millionths */
    struct secret admin_key, secret_key;           /* may be empty */

    struct limiter_settings {
        struct secret redis;     /* URL; empty: the memory limiter */
        unsigned on_failure;     /* enum limiter_failure */
        uint64_t timeout, lease; /* milliseconds */
        uint64_t instances;      /* 0: counted */
        struct slice ca_file;
    } limiter;

    struct log_settings {
        unsigned level;  /* enum log_level */
        unsigned format; /* enum log_format */
        struct slice file;
    } log;

    struct limit_settings {
        uint64_t body, header, frame, answer; /* bytes */
        uint64_t connections;                 /* clients, for each worker */
    } limits;

    struct timeout_settings { /* milliseconds */
        uint64_t connect, first_token, answer, idle, total, drain_delay, drain;
        uint64_t head, body, keep_alive, write;
    } timeouts;

    struct upstream_settings {
        uint64_t connections, waiting, idle; /* for each provider and worker */
        uint64_t idle_time;                  /* milliseconds */
        struct slice ca_file;
    } upstream;

    struct journal_settings {
        struct slice folder; /* empty: the usual place */
        uint64_t size;       /* bytes, for each worker */
        uint64_t spool;      /* bytes */
        bool drop;           /* on_full: drop records, else refuse requests */
    } journal;

    struct cache_settings { /* bytes */
        uint64_t size;      /* of the process */
        uint64_t entry;
        uint64_t timeout; /* milliseconds */
    } cache;

    struct prompts_settings {
        uint64_t retention;   /* milliseconds */
        uint64_t size, queue; /* bytes */
    } prompts;

    struct redact_settings {
        struct slice patterns; /* one a line; may be empty */
    } redact;

    struct snapshot_settings {
        struct slice file; /* empty: the usual place, or none */
        uint64_t max_age;  /* milliseconds; 0: any */
    } snapshot;
};

/* Of struct settings; ended by a NULL path. */
extern const struct setting settings_table[];
enum { SETTINGS_ENV_NAME = 64 };
/* "COURIER_TIMEOUTS_CONNECT", NUL-terminated. */
void settings_env_name(const struct setting *s, char ret[SETTINGS_ENV_NAME]);

/* Every member gets its default. The defaults are literals. */
void settings_defaults(struct settings *ret);
/* docs/configuration.md. */
void settings_page(struct buf *ret);
