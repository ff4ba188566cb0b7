/* registry_admin.h: what the configuration file says about providers and models, carried into the
 * store. Blocking: for start-up, SIGHUP and the yard. */

#pragma once

#include "model/rows.h"
#include "service/key_admin.h"

/* Makes the file's entries (from_file) of the store exactly these: adds, changes, deletes. Entries
 * made through the admin API stay; one of the same name is replaced by the file's. Provider keys
 * are sealed under the secret key. One transaction. */
int registry_admin_seed(struct admin *a, const struct provider_row *providers, size_t providers_len,
                        const struct model_row *models, size_t models_len);
