/* rows.h: users, keys, providers and models as they stand in the database. Text belongs to the
 * arena that the repository was given. */

#pragma once

#include "base/secret.h"

struct user_row {
    int64_t id;
    struct slice name; /* of a deleted one: "ann (deleted 7)", so that ann may come again */
    bool disabled;
    uint64_t version; /* of the row: moves with each change */
    uint64_t created_wall_us, updated_wall_us, deleted_wall_us; /* deleted 0: it is not */
};

enum { KEY_HASH_LEN = 32 };

struct key_row {
    int64_t id, user_id;
    struct slice user_name;
    struct slice name;                /* may be empty */
    struct slice prefix;              /* the key's first characters, for people */
    unsigned char hash[KEY_HASH_LEN]; /* HMAC-SHA-256 of the key */
    bool admin, revoked;
    bool disabled, user_off;                   /* user_off: the user is disabled or deleted */
    uint64_t rpm, tpm, concurrency;            /* 0: no limit */
    struct slice models;                       /* comma-separated; empty: all */
    struct slice model_limits;                 /* see key_limits.h; empty: none */
    uint64_t expires_wall_us, created_wall_us; /* expires 0: never */
    uint64_t version, updated_wall_us, last_used_wall_us;
    unsigned char old_hash[32]; /* the key before the last rotation … */
    uint64_t old_until_wall_us; /* … is good until then; 0: there is none */
    bool expired, old_over;     /* by the service's clock: the key, and the one before */
    bool from_file;             /* the configured admin key */
    int64_t changed;            /* the version of the catalog when it, or its user, last changed */
    struct secret token;        /* the key itself, only when it has just been made; not stored */
};

/* A key is to be replaced by a new one. */
struct key_rotation {
    uint64_t grace_ms; /* how long the old one stays good */
};

struct provider_row {
    struct slice name, type, base_url; /* base_url empty: the type's own */
    struct slice sealed_key;           /* as stored; empty: none */
    struct secret api_key;             /* opened by the service; not stored */
    uint64_t version, created_wall_us, updated_wall_us;
    bool from_file;
};

/* One of several targets of a model; what is empty is as the model's own, but with a provider other
 * than the model's, endpoint and key are that provider's: no key goes where it does not belong. */
struct target_row {
    struct slice provider, upstream_model, endpoint;
    struct slice sealed_key;
    struct secret api_key;
};

struct model_row {
    struct slice name;
    struct slice provider;       /* may be empty when each target has one */
    struct slice upstream_model; /* empty: the name */
    struct slice endpoint;       /* empty: the provider's */
    struct slice sealed_key;     /* empty: the provider's */
    struct secret api_key;
    uint64_t timeout_ms; /* 0: default */
    unsigned retries;
    struct slice fallback;    /* comma-separated model names */
    struct slice fallback_on; /* comma-separated: context_length */
    uint64_t keepalive_ms;    /* 0: off */
    bool rescue;              /* verified */
    uint64_t max_tokens;      /* for a caller who gives no limit; 0: not given */
    uint64_t context_window;  /* tokens; 0: not known */
    struct slice modalities;  /* comma-separated: text, image …; empty: not known */
    uint64_t cache_ms;        /* how long an answer is kept for the same call again; 0: off */
    bool cache_shared;        /* by the callers of all keys; false: each key has its own */
    const struct target_row
        *targets; /* several endpoints or keys; targets_len 0: just the model's */
    size_t targets_len;
    uint64_t version, created_wall_us, updated_wall_us;
    bool from_file;
};

/* One change that an administrator made: a row of audit_log. */
struct audit_row {
    int64_t id;
    uint64_t wall_us;
    int64_t key_id, user_id;    /* who: the key that asked, and whose it is */
    struct slice request_id;    /* of the request that asked */
    struct slice action;        /* "create", "update", "delete", "rotate", "read" */
    struct slice kind, object;  /* what: "key" and its id, "model" and its name … */
    struct slice before, after; /* as the API showed it, without secrets; empty: there was none */
};
