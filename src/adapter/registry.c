/* registry.c: every adapter by its name. Looked at when the configuration changes, never on a
 * request's way. */

#include "adapter/registry.h"
#include "adapter/anthropic.h"
#include "adapter/openai_like.h"

static const struct adapter *const all[] = {
    &openai_like[0],  &openai_like[1],    &openai_like[2],
    &openai_like[3],  &openai_like[4],    &openai_like[5],
    &openai_like[6],  &openai_like[7],    &openai_like[8],
    &openai_like[9],  &openai_like[10],   &openai_like[11],
    &openai_like[12], &openai_like[13],   &openai_like[14],
    &openai_like[15], &anthropic_adapter, NULL,
};

const struct adapter *const *adapter_all(void)
{
    return all;
}

const struct adapter *adapter_find(struct slice name)
{
    for (const struct adapter *const *a = all; *a; a++)
        if (slice_eq(slice_str((*a)->name), name))
            return *a;
    return NULL;
}

struct slice adapter_fallback(const struct adapter *a, const char *setting)
{
    for (const struct setting_rule *rule = a->settings; rule->name; rule++)
        if (rule->fallback && strcmp(rule->name, setting) == 0)
            return slice_str(rule->fallback);
    return (struct slice){0};
}
