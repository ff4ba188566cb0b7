/* registry.h: the adapters that this binary has. */

#pragma once

#include "adapter/adapter.h"

/* NULL: no such type. */
const struct adapter *adapter_find(struct slice name);
/* All of them, ended by NULL, in the order of the documentation. */
const struct adapter *const *adapter_all(void);
/* The value of a setting's fallback for this adapter (base_url …), or an empty slice. */
struct slice adapter_fallback(const struct adapter *a, const char *setting);
