/* anthropic_reply.c: a buffered answer: what it used, or all that it says. */

#include "codec/json.h"
#include "wire/anthropic_answer.h"
#include "wire/anthropic_error.h"
#include "wire/anthropic_usage.h"
#include "wire/inside.h"

#include <errno.h>

enum { CONTENT, USAGE, ERROR, ID, MODEL, STOP_REASON, SEQUENCE, REPLY_LEN };

static const struct json_member reply_members[REPLY_LEN] = {
    [CONTENT] = {SLICE_INIT("content")},
    [USAGE] = {SLICE_INIT("usage")},
    [ERROR] = {SLICE_INIT("error")},
    [ID] = {SLICE_INIT("id")},
    [MODEL] = {SLICE_INIT("model")},
    [STOP_REASON] = {SLICE_INIT("stop_reason")},
    [SEQUENCE] = {SLICE_INIT("stop_sequence")},
};

enum { TYPE, TEXT, THINKING, SIGNATURE, DATA, TOOL_ID, NAME, INPUT, BLOCK_LEN };

static const struct json_member block_members[BLOCK_LEN] = {
    [TYPE] = {SLICE_INIT("type")},         [TEXT] = {SLICE_INIT("text")},
    [THINKING] = {SLICE_INIT("thinking")}, [SIGNATURE] = {SLICE_INIT("signature")},
    [DATA] = {SLICE_INIT("data")},         [TOOL_ID] = {SLICE_INIT("id")},
    [NAME] = {SLICE_INIT("name")},         [INPUT] = {SLICE_INIT("input")},
};

/* What is no answer: an error object, or nothing that can be understood. */
static int refuse(struct slice body)
{
    struct anthropic_error error;

    return anthropic_error_read(body, &error) ? -EPROTO : -EBADMSG;
}

int anthropic_read_reply(struct slice body, struct reply *ret)
{
    struct json_value v[REPLY_LEN];

    *ret = (struct reply){.body = body};
    if (!json_outline(body, reply_members, ERROR + 1, v))
        return refuse(body);
    if (v[CONTENT].type != JSON_ARRAY && v[ERROR].type == JSON_OBJECT)
        return refuse(body);
    anthropic_usage_merge(v[USAGE], &ret->usage);
    return OK;
}

int anthropic_read_count(struct slice body, struct reply *ret)
{
    static const struct json_member members[] = {{SLICE_INIT("input_tokens")}};
    struct json_value tokens;

    *ret = (struct reply){.body = body};
    if (!json_outline(body, members, 1, &tokens) || tokens.type != JSON_NUMBER)
        return refuse(body);
    ret->usage.source = USAGE_PROVIDER;
    return OK;
}

static size_t count_blocks(struct slice content)
{
    struct json_value block;
    size_t at = 0, n = 0;

    while (json_next(content, &at, &block))
        n++;
    return n;
}

/* False: nothing that another dialect could say. */
static bool read_block(const struct json_value *v, struct answer_block *ret)
{
    struct slice type = inside_of(v[TYPE]);

    if (slice_eq(type, SLICE("text"))) {
        *ret = (struct answer_block){.kind = BLOCK_TEXT, .text = inside_of(v[TEXT])};
        return ret->text.len > 0;
    }
    if (slice_eq(type, SLICE("thinking"))) {
        *ret = (struct answer_block){
            .kind = BLOCK_THINKING,
            .text = inside_of(v[THINKING]),
            .signature = inside_of(v[SIGNATURE]),
        };
        return ret->text.len > 0 || ret->signature.len > 0;
    }
    if (slice_eq(type, SLICE("redacted_thinking"))) {
        *ret = (struct answer_block){.kind = BLOCK_REDACTED, .text = inside_of(v[DATA])};
        return ret->text.len > 0;
    }
    *ret = (struct answer_block){
        .kind = BLOCK_TOOL,
        .id = inside_of(v[TOOL_ID]),
        .name = inside_of(v[NAME]),
        .input = v[INPUT].type == JSON_OBJECT ? v[INPUT].text : SLICE("{}"),
    };
    return slice_eq(type, SLICE("tool_use"));
}

static int read_blocks(struct slice content, struct arena *a, struct answer *ret)
{
    struct answer_block *blocks = arena_new_array(a, struct answer_block, count_blocks(content));
    struct json_value block, v[BLOCK_LEN];
    size_t at = 0;

    if (!blocks)
        return -ENOMEM;
    ret->blocks = blocks;
    while (json_next(content, &at, &block)) {
        if (block.type != JSON_OBJECT || !json_members(block.text, block_members, BLOCK_LEN, v))
            return -EBADMSG;
        ret->blocks_len += read_block(v, &blocks[ret->blocks_len]);
    }
    return OK;
}

int anthropic_read_answer(struct slice body, struct arena *a, struct answer *ret)
{
    struct json_value v[REPLY_LEN];
    struct json_error why;

    *ret = (struct answer){.stop = STOP_NONE};
    if (!json_scan(body, reply_members, REPLY_LEN, v, &why))
        return -EBADMSG;
    if (v[CONTENT].type != JSON_ARRAY)
        return refuse(body);

    ret->id = inside_of(v[ID]);
    ret->model = inside_of(v[MODEL]);
    if (v[STOP_REASON].type == JSON_STRING)
        ret->stop = anthropic_stop_read(inside_of(v[STOP_REASON]));
    ret->stop_sequence = inside_of(v[SEQUENCE]);
    anthropic_usage_merge(v[USAGE], &ret->usage);
    return read_blocks(v[CONTENT].text, a, ret);
}
