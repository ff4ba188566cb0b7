/* mock_plan.c: the table of keys, and its reader. */

#include "app/mock_plan.h"

#include "base/fmt.h"

enum plan_type { PLAN_COUNT, PLAN_DURATION, PLAN_SIZE, PLAN_TEXT, PLAN_WORD, PLAN_SWITCH };

enum { CALLS_MOST = 64 };

struct plan_key {
    const char *name;
    enum plan_type type;
    size_t at;
    uint64_t most;
    const char *const *words; /* ended by NULL */
    const char *help;
};

static const char *const fault_words[] = {"none",
                                          "silent",
                                          "close_before_head",
                                          "reset",
                                          "half_head",
                                          "close_after_head",
                                          "reset_after_head",
                                          "malformed_head",
                                          "malformed_chunk",
                                          "empty",
                                          "html",
                                          "half_json",
                                          "error_200",
                                          NULL};
static const char *const framing_words[] = {"usual", "chunked", "close", NULL};

#define AT(member) offsetof(struct mock_plan, member)
#define COUNT(member, most, help)                                                                  \
    {                                                                                              \
#member, PLAN_COUNT, AT(member), most, NULL, help                                          \
    }
#define DURATION(member, help)                                                                     \
    {                                                                                              \
#member, PLAN_DURATION, AT(member), 24 * 3600000ul, NULL, help                             \
    }
#define SIZE(member, help)                                                                         \
    {                                                                                              \
#member, PLAN_SIZE, AT(member), MOCK_BYTES_MOST, NULL, help                                \
    }
#define TEXT(member, help)                                                                         \
    {                                                                                              \
#member, PLAN_TEXT, AT(member), 0, NULL, help                                              \
    }
#define WORD(member, words, help)                                                                  \
    {                                                                                              \
#member, PLAN_WORD, AT(member), 0, words, help                                             \
    }
#define SWITCH(member, help)                                                                       \
    {                                                                                              \
#member, PLAN_SWITCH, AT(member), 0, NULL, help                                            \
    }

static const struct plan_key keys[] = {
    TEXT(text, "the content, encoded as in a form; with tools: what is said before the calls"),
    TEXT(arguments, "of each call, encoded as in a form; else made up to fit the schema"),
    SIZE(bytes, "size of the body, or of a stream's content altogether"),
    COUNT(chunks, MOCK_CHUNKS_MOST, "content chunks of a stream (8)"),
    DURATION(head_delay, "before the head"),
    DURATION(first_delay, "before the first content"),
    DURATION(chunk_delay, "between content chunks"),
    DURATION(end_delay, "before the end"),
    COUNT(status, 999, "answer with this status, and an error body from 400 on"),
    COUNT(retry_after, 1000000, "seconds, in an error's retry-after"),
    COUNT(retry_after_ms, 1000000000, "milliseconds, in an error's retry-after-ms"),
    TEXT(reset_requests, "an error's x-ratelimit-reset-requests"),
    TEXT(reset_tokens, "an error's x-ratelimit-reset-tokens"),
    TEXT(type, "error.type"),
    TEXT(code, "error.code"),
    COUNT(cut_after, MOCK_NEVER, "close after so many chunks; a body: in its middle"),
    COUNT(reset_after, MOCK_NEVER, "the same with RST"),
    COUNT(stall_after, MOCK_NEVER, "the same, but stay silent"),
    COUNT(error_after, MOCK_NEVER, "an error event after so many chunks, then the end"),
    COUNT(garbage_after, MOCK_NEVER, "an event that is no JSON after so many chunks"),
    WORD(fault, fault_words, "what goes wrong"),
    COUNT(fail_first, MOCK_NEVER, "it goes wrong for the first so many requests of this name"),
    DURATION(flap,
             "it goes wrong so long from the first request on, then works so long, and again"),
    COUNT(odds, 100, "it goes wrong in so many of 100 requests, in no order that helps"),
    WORD(framing, framing_words, "how the body ends"),
    SIZE(huge_line, "the first content chunk has so many bytes in one line"),
    COUNT(prompt_tokens, MOCK_NEVER, "usage (9)"),
    COUNT(completion_tokens, MOCK_NEVER, "usage (12)"),
    COUNT(cached_tokens, MOCK_NEVER, "usage (0): read from the cache"),
    COUNT(cache_written_tokens, MOCK_NEVER, "usage (0): written to the cache (Messages)"),
    COUNT(reasoning_tokens, MOCK_NEVER, "usage (0)"),
    SWITCH(crlf, "lines of a stream end in CRLF"),
    SWITCH(cr, "lines of a stream end in CR"),
    SWITCH(bom, "a stream begins with a byte order mark"),
    SWITCH(comments, "a comment before each event"),
    SWITCH(multi_line, "each event in two data lines"),
    SWITCH(split, "one byte with each write"),
    SWITCH(no_usage, "no usage, even when asked for"),
    SWITCH(usage_in_last, "the whole usage on the event that says why it ends, none on its own"),
    SWITCH(no_finish, "no finish_reason, no stop_reason"),
    TEXT(stop, "why it ends (stop, tool_calls; end_turn, tool_use), in the dialect's own word"),
    SWITCH(no_done, "no [DONE], no message_stop, no response.completed"),
    SWITCH(stall_end, "silent instead of that mark and the end"),
    COUNT(tools, CALLS_MOST, "call so many tools of the request, unless it brings a result"),
    {"tool",      PLAN_COUNT,  AT(tools),    CALLS_MOST, NULL, "the same"},
    SWITCH(json, "a JSON object that fits the request's schema for it"),
    SWITCH(echo, "the content is the body of the request"),
    SWITCH(thinking, "thoughts before the content; signed (Messages)"),
    {"reasoning", PLAN_SWITCH, AT(thinking), 0,          NULL, "the same"},
    SWITCH(redacted, "redacted thoughts before the content (Messages)"),
    SWITCH(incomplete, "the response ends incomplete (Responses)"),
    SWITCH(failed, "the response ends failed (Responses)"),
    COUNT(dimensions, MOCK_NEVER, "of an embedding (8)"),
    SWITCH(lax, "ask for no x-api-key, version, messages and max_tokens (Messages)"),
};

void mock_plan_init(struct mock_plan *ret)
{
    *ret = (struct mock_plan){
        .chunks = 8,
        .status = 200,
        .cut_after = MOCK_NEVER,
        .reset_after = MOCK_NEVER,
        .stall_after = MOCK_NEVER,
        .error_after = MOCK_NEVER,
        .garbage_after = MOCK_NEVER,
        .prompt_tokens = 9,
        .completion_tokens = 12,
        .dimensions = 8,
    };
}

void mock_plan_turn(struct mock_plan *plan, bool fails)
{
    bool breaks = plan->cut_after != MOCK_NEVER || plan->reset_after != MOCK_NEVER ||
                  plan->stall_after != MOCK_NEVER || plan->error_after != MOCK_NEVER ||
                  plan->garbage_after != MOCK_NEVER;
    bool ends_badly = plan->no_finish || plan->no_done || plan->stall_end;

    if (fails) {
        if (plan->status < 400 && plan->fault == MOCK_NO_FAULT && !breaks && !ends_badly)
            plan->status = 500;
        return;
    }
    plan->status = plan->status < 400 ? plan->status : 200;
    plan->fault = MOCK_NO_FAULT;
    plan->cut_after = plan->reset_after = plan->stall_after = MOCK_NEVER;
    plan->error_after = plan->garbage_after = MOCK_NEVER;
    plan->no_finish = plan->no_done = plan->stall_end = false;
}

static int read_number(const struct plan_key *key, struct slice value, uint64_t *ret)
{
    switch (key->type) {
    case PLAN_DURATION:
        return parse_duration(value, ret);
    case PLAN_SIZE:
        return parse_size(value, ret);
    default:
        return slice_to_u64(value, ret);
    }
}

static bool read_word(const struct plan_key *key, struct slice value, unsigned *ret)
{
    for (unsigned i = 0; key->words[i]; i++)
        if (slice_eq(value, slice_str(key->words[i]))) {
            *ret = i;
            return true;
        }
    return false;
}

static bool read_value(const struct plan_key *key, struct mock_plan *plan, struct slice value)
{
    void *at = (char *)plan + key->at;

    switch (key->type) {
    case PLAN_TEXT:
        *(struct slice *)at = value;
        return true;
    case PLAN_WORD:
        return read_word(key, value, at);
    case PLAN_SWITCH:
        *(bool *)at = slice_eq(value, SLICE("1"));
        return *(bool *)at || slice_eq(value, SLICE("0"));
    default:
        return read_number(key, value, at) == OK && *(uint64_t *)at <= key->most;
    }
}

static bool read_part(struct mock_plan *plan, struct slice part)
{
    struct slice value = part, name = slice_cut(&value, '=');

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (slice_eq(name, slice_str(keys[i].name)))
            return read_value(&keys[i], plan, value);
    return false;
}

bool mock_plan_read(struct mock_plan *plan, struct slice spec, struct slice *ret_wrong)
{
    while (spec.len) {
        *ret_wrong = slice_cut(&spec, '&');
        if (!read_part(plan, *ret_wrong))
            return false;
    }
    return plan->chunks > 0 && plan->status >= 100;
}

static void help_value(const struct plan_key *key, struct buf *ret)
{
    static const char *const kinds[] = {
        [PLAN_COUNT] = "N",   [PLAN_DURATION] = "TIME", [PLAN_SIZE] = "SIZE",
        [PLAN_TEXT] = "TEXT", [PLAN_WORD] = "WORD",     [PLAN_SWITCH] = "1"};

    buf_printf(ret, "%s", kinds[key->type]);
}

void mock_plan_help(struct buf *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        size_t start = ret->len;
        buf_printf(ret, "  %s=", keys[i].name);
        help_value(&keys[i], ret);
        while (ret->rc == OK && ret->len - start < 24)
            buf_add_char(ret, ' ');
        buf_printf(ret, "%s", keys[i].help);
        for (const char *const *w = keys[i].words; w && *w; w++)
            buf_printf(ret, "%s%s", w == keys[i].words ? ": " : ", ", *w);
        buf_add_char(ret, '\n');
    }
}
