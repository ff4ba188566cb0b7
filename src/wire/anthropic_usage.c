/* anthropic_usage.c: input_tokens and output_tokens, and what the cache did. */

#include "wire/anthropic_usage.h"

#include <inttypes.h>
#include <stdio.h>

enum { INPUT, CACHE_WRITE, CACHE_READ, OUTPUT, PROMPT, USAGE_LEN };

static const struct json_member usage_members[USAGE_LEN] = {
    [INPUT] = {SLICE_INIT("input_tokens")},
    [CACHE_WRITE] = {SLICE_INIT("cache_creation_input_tokens")},
    [CACHE_READ] = {SLICE_INIT("cache_read_input_tokens")},
    [OUTPUT] = {SLICE_INIT("output_tokens")},
    [PROMPT] = {SLICE_INIT("prompt_tokens")},
};

/* The cap keeps every sum of counts far from overflow. */
static bool set_count(struct json_value v, uint64_t *count)
{
    uint64_t n;

    if (!json_u64(v, &n))
        return false;
    *count = MIN(n, UINT64_C(1) << 53);
    return true;
}

bool anthropic_usage_merge(struct json_value value, struct usage *usage)
{
    struct json_value v[USAGE_LEN];
    uint64_t prompt;

    if (value.type != JSON_OBJECT || !json_members(value.text, usage_members, USAGE_LEN, v))
        return false;

    bool told = set_count(v[INPUT], &usage->input);
    told |= set_count(v[CACHE_WRITE], &usage->cache_write);
    told |= set_count(v[CACHE_READ], &usage->cached_read);
    told |= set_count(v[OUTPUT], &usage->output);
    if (set_count(v[PROMPT], &prompt)) {
        usage->input = prompt - MIN(prompt, usage->cached_read + usage->cache_write);
        told = true;
    }
    if (told)
        usage->source = USAGE_PROVIDER;
    return told;
}

struct slice anthropic_usage_write(const struct usage *usage, char room[ANTHROPIC_USAGE_ROOM])
{
    int n = snprintf(room, ANTHROPIC_USAGE_ROOM,
                     "{\"input_tokens\":%" PRIu64 ",\"cache_creation_input_tokens\":%" PRIu64
                     ",\"cache_read_input_tokens\":%" PRIu64 ",\"output_tokens\":%" PRIu64 "}",
                     usage->input, usage->cache_write, usage->cached_read, usage_completion(usage));
    return slice_of(room, (size_t)n);
}
