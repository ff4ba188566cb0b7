/* provider_types.c: see provider_types.h. */

#include "router/provider_types.h"

#include "adapter/registry.h"
#include "base/buf.h"

enum { NAMES_BYTES = 4096 };

bool provider_type_is_known(struct slice type)
{
    return adapter_find(type) != NULL;
}

struct slice provider_types_text(struct arena *a)
{
    struct buf names;

    buf_init(&names, NAMES_BYTES);
    for (const struct adapter *const *at = adapter_all(); *at; at++)
        buf_printf(&names, "%s%s", names.len ? ", " : "", (*at)->name);
    struct slice text = arena_copy(a, buf_slice(&names));
    buf_free(&names);
    return text;
}

static bool has(const struct provider_row *p, const char *setting)
{
    if (strcmp(setting, "base_url") == 0)
        return p->base_url.len > 0;
    return p->sealed_key.len > 0 || !secret_is_empty(p->api_key);
}

const char *provider_type_lacks(const struct provider_row *p)
{
    const struct adapter *adapter = adapter_find(p->type);

    for (const struct setting_rule *rule = adapter ? adapter->settings : NULL; rule && rule->name;
         rule++)
        if (rule->required && !rule->fallback && !has(p, rule->name))
            return rule->name;
    return NULL;
}
