/* catalog_writer.h: models as the clients of each dialect list them.
 *
 * OpenAI's objects carry context_window, max_tokens and modalities where they are known, which
 * clients skip that do not know them. Sources: platform.openai.com, API reference "Models";
 * platform.claude.com/docs, API reference "Models". */

#pragma once

#include "base/arena.h"
#include "model/call.h"
#include "model/catalog_entry.h"

/* All of them. .at is NULL when out of memory. */
struct slice catalog_write_list(const struct catalog_entry *models, size_t n, struct arena *a);
/* A page of them, as Anthropic's clients turn it. more: there are others in the direction in which
 * the pages are turned. The same. */
struct slice catalog_write_page(const struct catalog_entry *models, size_t n, bool more,
                                struct arena *a);
/* One. The same. */
struct slice catalog_write_model(enum dialect dialect, const struct catalog_entry *model,
                                 struct arena *a);
