/* openai_usage.c: prompt_tokens and completion_tokens, taken apart. */

#include "wire/openai_usage.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    PROMPT,
    COMPLETION,
    TOTAL,
    PROMPT_DETAILS,
    COMPLETION_DETAILS,
    CACHE_HIT,
    CACHED,
    USAGE_LEN
};

static const struct json_member usage_members[USAGE_LEN] = {
    [PROMPT] = {SLICE_INIT("prompt_tokens")},
    [COMPLETION] = {SLICE_INIT("completion_tokens")},
    [TOTAL] = {SLICE_INIT("total_tokens")},
    [PROMPT_DETAILS] = {SLICE_INIT("prompt_tokens_details")},
    [COMPLETION_DETAILS] = {SLICE_INIT("completion_tokens_details")},
    [CACHE_HIT] = {SLICE_INIT("prompt_cache_hit_tokens")},
    [CACHED] = {SLICE_INIT("cached_tokens")},
};

/* The same in Responses. */
static const struct json_member responses_members[USAGE_LEN] = {
    [PROMPT] = {SLICE_INIT("input_tokens")},
    [COMPLETION] = {SLICE_INIT("output_tokens")},
    [TOTAL] = {SLICE_INIT("total_tokens")},
    [PROMPT_DETAILS] = {SLICE_INIT("input_tokens_details")},
    [COMPLETION_DETAILS] = {SLICE_INIT("output_tokens_details")},
    [CACHE_HIT] = {SLICE_INIT("prompt_cache_hit_tokens")},
    [CACHED] = {SLICE_INIT("cached_tokens")},
};

static const struct json_member prompt_members[] = {
    {SLICE_INIT("cached_tokens")},
    {SLICE_INIT("cache_write_tokens")},
};

static const struct json_member completion_members[] = {{SLICE_INIT("reasoning_tokens")}};

/* 0 for what is no count. The cap keeps every sum of counts far from overflow. */
static uint64_t count(struct json_value v)
{
    uint64_t n = 0;

    return json_u64(v, &n) ? MIN(n, UINT64_C(1) << 53) : 0;
}

/* The members of a details object; all absent when it is none. */
static void read_details(struct json_value v, const struct json_member *wanted, size_t n,
                         struct json_value *ret)
{
    if (v.type == JSON_OBJECT && json_members(v.text, wanted, n, ret))
        return;
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct json_value){0};
}

static bool read_by(const struct json_member *names, struct json_value value, struct usage *ret)
{
    struct json_value v[USAGE_LEN], prompt_details[2], completion_details[1];

    if (value.type != JSON_OBJECT || !json_members(value.text, names, USAGE_LEN, v))
        return false;
    if (v[PROMPT].type != JSON_NUMBER && v[COMPLETION].type != JSON_NUMBER)
        return false;
    read_details(v[PROMPT_DETAILS], prompt_members, 2, prompt_details);
    read_details(v[COMPLETION_DETAILS], completion_members, 1, completion_details);

    uint64_t prompt = count(v[PROMPT]), completion = count(v[COMPLETION]);
    uint64_t cached = MAX(count(prompt_details[0]), MAX(count(v[CACHE_HIT]), count(v[CACHED])));
    uint64_t total = count(v[TOTAL]), told = prompt + completion;
    uint64_t reasoning = count(completion_details[0]);
    bool untold = completion_details[0].type == JSON_NONE && v[PROMPT].type == JSON_NUMBER &&
                  v[COMPLETION].type == JSON_NUMBER;
    if (untold && total > told)
        reasoning = total - told;
    bool apart = reasoning > 0 && total == told + reasoning;

    *ret = (struct usage){.source = USAGE_PROVIDER};
    ret->cached_read = MIN(cached, prompt);
    ret->cache_write = MIN(count(prompt_details[1]), prompt - ret->cached_read);
    ret->input = prompt - ret->cached_read - ret->cache_write;
    ret->reasoning = apart ? reasoning : MIN(reasoning, completion);
    ret->output = apart ? completion : completion - ret->reasoning;
    return true;
}

bool openai_usage_read(struct json_value value, struct usage *ret)
{
    return read_by(usage_members, value, ret);
}

bool openai_responses_usage_read(struct json_value value, struct usage *ret)
{
    return read_by(responses_members, value, ret);
}

struct slice openai_usage_write(const struct usage *usage, char room[OPENAI_USAGE_ROOM])
{
    uint64_t prompt = usage_prompt(usage), completion = usage_completion(usage);
    int n = snprintf(room, OPENAI_USAGE_ROOM,
                     "{\"prompt_tokens\":%" PRIu64 ",\"completion_tokens\":%" PRIu64
                     ",\"total_tokens\":%" PRIu64 ",\"prompt_tokens_details\":"
                     "{\"cached_tokens\":%" PRIu64 ",\"cache_write_tokens\":%" PRIu64
                     ",\"audio_tokens\":0},\"completion_tokens_details\":"
                     "{\"reasoning_tokens\":%" PRIu64 ",\"audio_tokens\":0,"
                     "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
                     prompt, completion, prompt + completion, usage->cached_read,
                     usage->cache_write, usage->reasoning);
    return slice_of(room, (size_t)n);
}
