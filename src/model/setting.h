/* setting.h: what may be said about a member of an object, in tables.
 *
 * One table serves whoever reads or writes the object: the configuration file, the admin API, the
 * pages for people. wire/setting_value.h turns text into values. */

#pragma once

#include "model/key_limits.h"
#include "model/rows.h"

enum setting_type {
    SETTING_ADDRESS, /* struct slice: host:port */
    SETTING_COUNT, /* a whole number from min to max; "auto" is 0 where min is 0 and auto is set */
    SETTING_SIZE,  /* uint64_t, bytes, min to max */
    SETTING_DURATION, /* uint64_t, milliseconds, min to max; "off" is 0 where off is set */
    SETTING_RATIO,    /* uint64_t: millionths, from 0 to 1 */
    SETTING_WORD,     /* unsigned, or bool of two: which of `words` */
    SETTING_STORE,    /* struct slice */
    SETTING_LIMITER,  /* struct secret: a Redis' URL; "memory" is empty */
    SETTING_PATH,     /* struct slice */
    SETTING_SECRET,   /* struct secret, at least min characters */
    SETTING_TYPE,     /* struct slice: a provider's type */
    SETTING_NAME,     /* struct slice: visible ASCII without comma, at most max characters */
    SETTING_URL,      /* struct slice */
    SETTING_NAMES,    /* struct slice: names, comma-separated; a list in the file */
    SETTING_WORDS,    /* struct slice: some of `words`, comma-separated; a list in the file */
    SETTING_PATTERNS, /* struct slice: regular expressions, one a line; a list in the file */
    SETTING_LABEL,    /* struct slice: UTF-8 for people, at most max bytes; no utf8_control */
    SETTING_BOOL,     /* bool: true, false */
    SETTING_TIME,     /* uint64_t, microseconds: RFC 3339; 0: never */
};

struct setting {
    const char *path; /* "timeouts.connect"; of an entry: "api_key" */
    enum setting_type type;
    const char *fallback;      /* the default as it would be written; NULL: none */
    bool required, reloadable; /* reloadable: SIGHUP applies it */
    bool automatic;            /* SETTING_COUNT: "auto" is allowed and stored as 0 */
    bool off;                  /* SETTING_DURATION: "off" is allowed and stored as 0 */
    bool apart;  /* whoever shows the object tells it: there is more to it than the member */
    bool fixed;  /* given when the object is made, never changed */
    bool filled; /* SETTING_NAMES: not an empty list; without a list it is all */
    const char *const *words; /* SETTING_WORD, SETTING_WORDS, ended by NULL */
    uint64_t min, max;
    size_t at, size; /* of the member */
    const char *help;
    const char *absent; /* what holds without it, where the default does not say so */
};

/* For the rows of a table: the member that a setting fills, and lists of words. */
#define SETTING_MEMBER(type, member)                                                               \
    .at = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define SETTING_LIST(...)                                                                          \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/* Of a provider (struct provider_row), a model (struct model_row) and one of a model's `targets`
 * (struct target_row); each ended by a NULL path. */
extern const struct setting settings_provider[];
extern const struct setting settings_model[];
extern const struct setting settings_target[];
/* Of a user (struct user_row), a key (struct key_row) and its limits for one model
 * (struct key_limit). */
extern const struct setting settings_user[];
extern const struct setting settings_key[];
extern const struct setting settings_key_limit[];
