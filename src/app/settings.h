/* settings.h: every setting of the gateway, in one table.
 *
 * The table serves the YAML file (config_file.h), the environment (COURIER_<PATH_IN_CAPITALS>,
 * which wins) and docs/configuration.md (settings_page). A setting that is not in it does not
 * exist. */

#pragma once

#include "base/buf.h"
#include "base/log.h"
#include "base/secret.h"
#include "model/rows.h"

struct settings {
    struct slice listen;
    uint64_t workers;   /* 0: one for each core */
    struct slice store; /* sqlite:PATH */
    unsigned limiter, store_prompts;
    struct secret admin_key, secret_key; /* may be empty */

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
        uint64_t connect, first_token, answer, idle, total, drain;
        uint64_t head, body, keep_alive, write;
    } timeouts;

    struct upstream_settings {
        uint64_t connections, waiting, idle; /* for each provider and worker */
        uint64_t idle_time;                  /* milliseconds */
        struct slice ca_file;
    } upstream;

    struct journal_settings {
        struct slice folder; /* empty: NAME.journal beside the SQLite file */
        uint64_t size;       /* bytes, for each worker */
    } journal;
};

enum setting_type {
    SETTING_ADDRESS, /* struct slice: host:port */
    SETTING_COUNT, /* a whole number from min to max; "auto" is 0 where min is 0 and auto is set */
    SETTING_SIZE,  /* uint64_t, bytes, min to max */
    SETTING_DURATION, /* uint64_t, milliseconds, min to max; "off" is 0 where off is set */
    SETTING_WORD,     /* unsigned, or bool of two: which of `words` */
    SETTING_STORE,    /* struct slice */
    SETTING_PATH,     /* struct slice */
    SETTING_SECRET,   /* struct secret, at least min characters */
    SETTING_TYPE,     /* struct slice: a provider's type */
    SETTING_NAME,     /* struct slice: visible ASCII without comma, at most max characters */
    SETTING_URL,      /* struct slice */
    SETTING_NAMES,    /* struct slice: names, comma-separated; a list in the file */
    SETTING_WORDS,    /* struct slice: some of `words`, comma-separated; a list in the file */
};

struct setting {
    const char *path; /* "timeouts.connect"; of an entry: "api_key" */
    enum setting_type type;
    const char *fallback;      /* the default as it would be written; NULL: none */
    bool required, reloadable; /* reloadable: SIGHUP applies it */
    bool automatic;            /* SETTING_COUNT: "auto" is allowed and stored as 0 */
    bool off;                  /* SETTING_DURATION: "off" is allowed and stored as 0 */
    const char *const *words;  /* SETTING_WORD, SETTING_WORDS, ended by NULL */
    const char *const *later; /* beginnings of values that a later version will know; may be NULL */
    uint64_t min, max;
    size_t at, size; /* of the member */
    const char *help;
    const char *absent; /* what holds without it, where the default does not say so */
};

/* Of struct settings; each ended by a NULL path. */
extern const struct setting settings_table[];
/* Of one entry of `providers` (struct provider_row), of `models` (struct model_row) and of a
 * model's `targets` (struct target_row). */
extern const struct setting settings_provider[];
extern const struct setting settings_model[];
extern const struct setting settings_target[];

enum { SETTINGS_ENV_NAME = 64 };
/* "COURIER_TIMEOUTS_CONNECT", NUL-terminated. */
void settings_env_name(const struct setting *s, char ret[SETTINGS_ENV_NAME]);

/* Reads text as a value of this setting into its member of object (struct settings or a row). The
 * value borrows text. False: *ret_why says what is wrong with it (static storage). */
bool setting_set(const struct setting *s, void *object, struct slice text, const char **ret_why);
/* Whether both objects have the same value of this setting. */
bool setting_is_equal(const struct setting *s, const void *a, const void *b);
/* What is allowed, for people: "a duration from 1ms to 1h, like 500ms, 30s, 2m". */
void setting_allowed(const struct setting *s, struct buf *ret);
/* Every member gets its default. The defaults are literals. */
void settings_defaults(struct settings *ret);
/* The same for a row, which is zeroed first. */
void settings_entry_defaults(const struct setting *table, void *row, size_t row_size);

/* docs/configuration.md. */
void settings_page(struct buf *ret);
