/* registry.h: model name → targets. Built once from rows, immutable, part of a snapshot. */

#pragma once

#include "base/arena.h"
#include "model/rows.h"
#include "model/target.h"

struct registry;

/* Faults of the caller's own request that a model may still send elsewhere (`fallback_on`). */
enum { FALLBACK_ON_CONTEXT_LENGTH = 1 };

struct registry_model {
    struct slice name;
    struct slice owned_by; /* the first target's provider */
    uint64_t created_wall_us;
    const struct target *targets; /* where it can be answered; several share the load */
    size_t targets_len;
    const struct registry_model *const *fallback; /* other models, in order */
    size_t fallback_len;
    unsigned fallback_on;  /* FALLBACK_ON_… */
    uint64_t keepalive_ms; /* comments while waiting for the first content; 0: none */
    bool rescue;           /* `rescue: verified` */
    uint64_t cache_ms;     /* how long its answers are kept for the same call again; 0: not */
    bool cache_shared;     /* for all keys; false: each for the key that asked */
    /* What its answers depend on beside the call: where it is answered and as what. Alike in every
     * process; empty when its answers are not kept. */
    struct slice definition;
    /* what clients are told of it */
    uint64_t max_tokens;     /* of an answer; 0: not known */
    uint64_t context_window; /* tokens; 0: not known */
    struct slice modalities; /* comma-separated; empty: not known */
};

/* A row that could not be used. */
struct registry_fault {
    struct slice what; /* "model gpt-4o: its provider box is not there"; in the arena given */
};

struct registry_rows {
    const struct provider_row *providers;
    size_t providers_len;
    const struct model_row *models;
    size_t models_len;
};

/* Copies what it needs. Wrong rows are left out and told in *ret_faults (arena a). -ENOMEM. */
int registry_new(const struct registry_rows *rows, struct arena *a, struct registry **ret,
                 struct registry_fault **ret_faults, size_t *ret_faults_len);
void registry_free(struct registry *r);
/* NULL: no such model. */
const struct registry_model *registry_find(const struct registry *r, struct slice name);
/* All models, by name. */
const struct registry_model *const *registry_models(const struct registry *r, size_t *ret_len);
