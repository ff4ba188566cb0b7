/* entries.h: providers and models on their way from rows to a registry. Private to the services. */

#pragma once

#include "base/arena.h"
#include "model/rows.h"
#include "service/seal.h"

struct db;
struct registry;

struct entries {
    struct arena arena; /* of all below */
    struct provider_row *providers;
    size_t providers_len;
    struct model_row *models;
    size_t models_len;
};

void entries_init(struct entries *e);
/* Wipes the keys that were opened. */
void entries_clear(struct entries *e);
/* As they are stored. Blocking. */
int entries_read(struct entries *e, struct db *db);
/* Leaves out, and logs, rows with a text that no snapshot file can hold: beyond all reason, and not
 * made by courier. They hold up no other. -ENOMEM. */
int entries_leave_out_large(struct entries *e);
/* Opens the keys and makes the registry. What cannot be opened or used is left out and logged.
 * -ENOMEM. */
int entries_registry(struct entries *e, const struct seal *seal, struct registry **ret);
