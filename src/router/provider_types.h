/* provider_types.h: which types of providers there are, for whoever checks what administrators say.
 */

#pragma once

#include "base/arena.h"
#include "model/rows.h"

bool provider_type_is_known(struct slice type);
/* Their names, comma-separated; .at NULL: out of memory. */
struct slice provider_types_text(struct arena *a);
/* The setting that a provider of its type needs and this one lacks ("base_url"), or NULL. */
const char *provider_type_lacks(const struct provider_row *p);
