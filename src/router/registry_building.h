/* registry_building.h: what the files that build a registry share; private to them. */

#pragma once

#include "router/registry.h"

#include "base/map.h"

struct registry_building {
    struct registry *registry;
    struct arena *arena; /* the registry's */
    const struct registry_rows *rows;
    struct map providers; /* name → struct provider_row, the good ones */
    struct arena *notes;  /* the caller's */
    struct registry_fault *faults;
    size_t faults_len, faults_cap;
    int rc; /* -ENOMEM: all is in vain */
};

/* Tells a fault; the text is of b->notes, and without one memory has run out. */
void registry_note(struct registry_building *b, struct slice what);
/* Makes the model's targets and counts them in ret; wrong ones are told and left out, at most one
 * fault for each. */
void registry_add_targets(struct registry_building *b, const struct model_row *m,
                          struct registry_model *ret);
/* What the model's answers depend on, as a text, when they are kept. */
void registry_define(struct registry_building *b, struct registry_model *model);
