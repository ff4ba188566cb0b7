/* catalog_writer.h: models as the clients of each dialect list them.
 *
 * OpenAI's objects carry context_window, max_tokens and modalities where they are known, which
 * clients skip that do not know them. Sources: platform.openai.com, API reference "Models";
 * platform.claude.com/docs, API reference "Models". */

#pragma once

#include "base/arena.h"
#include "model/call.h"
#include "model/catalog_entry.h"

/* All of them, on one page. .at is NULL when out of memory. */
struct slice catalog_write_list(enum dialect dialect, const struct catalog_entry *models, size_t n,
                                struct arena *a);
/* One. The same. */
struct slice catalog_write_model(enum dialect dialect, const struct catalog_entry *model,
                                 struct arena *a);
