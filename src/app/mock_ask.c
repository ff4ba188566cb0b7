/* mock_ask.c: see mock_ask.h. */

#include "app/mock_ask.h"

enum {
    ASK_MODEL,
    ASK_STREAM,
    ASK_STREAM_OPTIONS,
    ASK_MESSAGES,
    ASK_MAX_TOKENS,
    ASK_STOP_SEQUENCES,
    ASK_TOOLS,
    ASK_RESPONSE_FORMAT,
    ASK_OUTPUT_CONFIG,
    ASK_TEXT,
    ASK_INPUT,
    ASK_ENCODING_FORMAT,
    ASK_DIMENSIONS,
    ASK_MEMBERS
};

static const struct json_member ask_members[ASK_MEMBERS] = {
    [ASK_MODEL] = {SLICE_INIT("model")},
    [ASK_STREAM] = {SLICE_INIT("stream")},
    [ASK_STREAM_OPTIONS] = {SLICE_INIT("stream_options")},
    [ASK_MESSAGES] = {SLICE_INIT("messages")},
    [ASK_MAX_TOKENS] = {SLICE_INIT("max_tokens")},
    [ASK_STOP_SEQUENCES] = {SLICE_INIT("stop_sequences")},
    [ASK_TOOLS] = {SLICE_INIT("tools")},
    [ASK_RESPONSE_FORMAT] = {SLICE_INIT("response_format")},
    [ASK_OUTPUT_CONFIG] = {SLICE_INIT("output_config")},
    [ASK_TEXT] = {SLICE_INIT("text")},
    [ASK_INPUT] = {SLICE_INIT("input")},
    [ASK_ENCODING_FORMAT] = {SLICE_INIT("encoding_format")},
    [ASK_DIMENSIONS] = {SLICE_INIT("dimensions")},
};

struct json_value mock_ask_member(struct json_value object, struct slice name)
{
    struct json_member wanted = {name};
    struct json_value found = {0};

    if (object.type == JSON_OBJECT && !json_members(object.text, &wanted, 1, &found))
        found = (struct json_value){0};
    return found;
}

/* The first of the values that is there. */
static struct json_value either(struct json_value a, struct json_value b)
{
    return a.type != JSON_NONE ? a : b;
}

bool mock_ask_read(struct slice body, struct mock_ask *ret)
{
    struct json_value m[ASK_MEMBERS];
    struct json_error error;

    *ret = (struct mock_ask){.body = body};
    if (!json_scan(body, ask_members, ASK_MEMBERS, m, &error) ||
        !json_plain(m[ASK_MODEL], &ret->model))
        return false;
    json_bool(m[ASK_STREAM], &ret->stream);
    json_bool(mock_ask_member(m[ASK_STREAM_OPTIONS], SLICE("include_usage")), &ret->include_usage);
    ret->messages = m[ASK_MESSAGES];
    ret->max_tokens = m[ASK_MAX_TOKENS];
    ret->stop_sequences = m[ASK_STOP_SEQUENCES];
    ret->tools = m[ASK_TOOLS];
    ret->format = either(m[ASK_RESPONSE_FORMAT], either(m[ASK_OUTPUT_CONFIG], m[ASK_TEXT]));
    ret->input = m[ASK_INPUT];
    ret->encoding_format = m[ASK_ENCODING_FORMAT];
    ret->dimensions = m[ASK_DIMENSIONS];
    return true;
}

struct slice mock_ask_model(const struct mock_ask *ask)
{
    struct slice rest = ask->model;

    return slice_cut(&rest, '?');
}

struct json_value mock_ask_schema(const struct mock_ask *ask)
{
    struct json_value wrapped = either(mock_ask_member(ask->format, SLICE("json_schema")),
                                       mock_ask_member(ask->format, SLICE("format")));

    return mock_ask_member(wrapped, SLICE("schema"));
}

uint64_t mock_ask_count(struct json_value array)
{
    struct json_value v;
    uint64_t n = 0;

    for (size_t at = 0; array.type == JSON_ARRAY && json_next(array.text, &at, &v);)
        n++;
    return n;
}

static bool brings_result(struct json_value message)
{
    struct json_value content = mock_ask_member(message, SLICE("content")), block;
    size_t at = 0;

    if (json_string_eq(mock_ask_member(message, SLICE("role")), SLICE("tool")))
        return true;
    while (content.type == JSON_ARRAY && json_next(content.text, &at, &block))
        if (json_string_eq(mock_ask_member(block, SLICE("type")), SLICE("tool_result")))
            return true;
    return false;
}

bool mock_ask_has_result(const struct mock_ask *ask)
{
    struct json_value message = {0};
    size_t at = 0;

    while (ask->messages.type == JSON_ARRAY && json_next(ask->messages.text, &at, &message))
        ;
    return brings_result(message);
}

bool mock_ask_tool(const struct mock_ask *ask, uint64_t i, struct slice *ret_name,
                   struct json_value *ret_schema)
{
    uint64_t count = mock_ask_count(ask->tools);
    struct json_value tool = {0};
    size_t at = 0;

    if (count == 0)
        return false;
    for (i %= count; json_next(ask->tools.text, &at, &tool) && i > 0; i--)
        ;
    tool = either(mock_ask_member(tool, SLICE("function")), tool);
    struct json_value name = mock_ask_member(tool, SLICE("name"));
    *ret_name = name.type == JSON_STRING ? name.text : SLICE("\"no_name\"");
    *ret_schema = either(mock_ask_member(tool, SLICE("parameters")),
                         mock_ask_member(tool, SLICE("input_schema")));
    return true;
}
