/* openai_chat_request.c: what a client asks: the few members that the gateway must know.
 *
 * One pass over the body finds them and validates the rest; each is then checked on its own, in the
 * order in which a person would fix them. */

#include "wire/openai_chat.h"

#include "codec/json.h"

enum { MODEL, MESSAGES, STREAM, STREAM_OPTIONS, MAX_TOKENS, MAX_COMPLETION, REQUEST_LEN };

static const struct json_member request_members[REQUEST_LEN] = {
    [MODEL] = {SLICE_INIT("model")},
    [MESSAGES] = {SLICE_INIT("messages")},
    [STREAM] = {SLICE_INIT("stream")},
    [STREAM_OPTIONS] = {SLICE_INIT("stream_options")},
    [MAX_TOKENS] = {SLICE_INIT("max_tokens")},
    [MAX_COMPLETION] = {SLICE_INIT("max_completion_tokens")},
};

static const struct json_member option_members[] = {{SLICE_INIT("include_usage")}};

static const struct slice include_usage_path = SLICE_INIT("stream_options.include_usage");

enum { BYTES_PER_TOKEN = 4 }; /* of prose in Latin script: an estimate, for limits only */

/* One request being read: what every step needs. */
struct reader {
    struct slice body;
    struct arena *arena;
    struct fault *fault;
};

/* Always false, so that a check can return it. A message that found no memory is left to the kind's
 * own text. */
static bool refuse(struct reader *r, enum fault_kind kind, struct slice param, struct slice message)
{
    *r->fault = (struct fault){
        .kind = kind,
        .param = param,
        .message = message.at ? message : (struct slice){0},
    };
    return false;
}

static struct span span_in(struct slice body, struct slice part)
{
    size_t from = (size_t)(part.at - body.at);

    return (struct span){from, from + part.len};
}

static const char *syntax_reason(const struct json_error *e, struct slice body)
{
    switch (e->fault) {
    case JSON_EMPTY:
        return "it is empty";
    case JSON_TRAILING:
        return "something follows the JSON object";
    case JSON_UTF8:
        return "it is not valid UTF-8";
    case JSON_DEPTH:
        return "it is nested too deeply";
    case JSON_TYPE:
        return "it must be a JSON object";
    default:
        return e->at >= body.len ? "it ends too early" : "it is not valid JSON";
    }
}

static bool refuse_text(struct reader *r, const struct json_error *e)
{
    size_t at = MIN(e->at, r->body.len), line = 1, column = 1;

    for (size_t i = 0; i < at; i++) {
        column++;
        if (r->body.at[i] == '\n') {
            line++;
            column = 1;
        }
    }
    struct slice text = arena_printf(
        r->arena,
        "We could not parse the body of your request: %s, at line %zu, column %zu (byte %zu).",
        syntax_reason(e, r->body), line, column, at);
    return refuse(r, FAULT_INVALID_JSON, (struct slice){0}, text);
}

static const char *type_name(enum json_type type)
{
    static const char *const names[] = {
        [JSON_NONE] = "nothing",     [JSON_NULL] = "null",       [JSON_BOOL] = "a boolean",
        [JSON_NUMBER] = "a number",  [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",
        [JSON_OBJECT] = "an object",
    };
    return names[type];
}

static bool refuse_type(struct reader *r, struct slice param, const char *expected,
                        enum json_type type)
{
    struct slice text =
        arena_printf(r->arena, "Invalid type for '%.*s': expected %s, but got %s instead.",
                     SLICE_FMT(param), expected, type_name(type));

    return refuse(r, FAULT_WRONG_TYPE, param, text);
}

static bool refuse_missing(struct reader *r, struct slice param)
{
    return refuse(r, FAULT_MISSING_MEMBER, param,
                  arena_printf(r->arena, "Missing required parameter: '%.*s'.", SLICE_FMT(param)));
}

static bool refuse_empty(struct reader *r, struct slice param)
{
    return refuse(r, FAULT_INVALID_VALUE, param,
                  arena_printf(r->arena, "Invalid value for '%.*s': it must not be empty.",
                               SLICE_FMT(param)));
}

static bool refuse_duplicate(struct reader *r, struct slice param)
{
    return refuse(r, FAULT_DUPLICATE_MEMBER, param,
                  arena_printf(r->arena, "Duplicate parameter: '%.*s' is given more than once.",
                               SLICE_FMT(param)));
}

static bool read_model(struct reader *r, struct json_value v, struct call *ret)
{
    struct slice name = SLICE("model");

    if (v.type == JSON_NONE)
        return refuse_missing(r, name);
    if (v.type != JSON_STRING)
        return refuse_type(r, name, "a string", v.type);
    ret->model_span = span_in(r->body, v.text);

    if (!json_plain(v, &ret->model)) {
        char *decoded = arena_alloc(r->arena, v.text.len);
        if (!decoded)
            return refuse(r, FAULT_INTERNAL, (struct slice){0}, (struct slice){0});
        ret->model = slice_of(decoded, json_decode(v, decoded));
    }
    return ret->model.len > 0 || refuse_empty(r, name);
}

static bool refuse_message(struct reader *r, size_t index, enum json_type type)
{
    struct slice param = arena_printf(r->arena, "messages[%zu]", index);

    return refuse_type(r, param.at ? param : SLICE("messages"), "an object", type);
}

/* The first message that is no object is named. */
static bool refuse_messages(struct reader *r, struct slice messages)
{
    struct json_value message = {0};
    size_t at = 0, index = 0;

    while (json_next(messages, &at, &message) && message.type == JSON_OBJECT)
        index++;
    return refuse_message(r, index, message.type);
}

static bool read_messages(struct reader *r, struct json_value v, struct call *ret)
{
    struct slice name = SLICE("messages");

    if (v.type == JSON_NONE)
        return refuse_missing(r, name);
    if (v.type != JSON_ARRAY)
        return refuse_type(r, name, "an array of objects", v.type);
    if (v.elements & ~(1u << JSON_OBJECT))
        return refuse_messages(r, v.text);

    ret->prompt_estimate = v.text.len / BYTES_PER_TOKEN;
    return v.elements || refuse_empty(r, name);
}

/* An optional boolean; null is as good as absent. */
static bool read_flag(struct reader *r, struct json_value v, struct slice name, bool *ret)
{
    if (v.type == JSON_NONE || v.type == JSON_NULL)
        return true;
    return json_bool(v, ret) || refuse_type(r, name, "a boolean", v.type);
}

static bool object_is_empty(struct slice object)
{
    for (size_t i = 1; i + 1 < object.len; i++)
        if (!strchr(" \t\r\n", object.at[i]))
            return false;
    return true;
}

static bool read_stream_options(struct reader *r, struct json_value v, struct call *ret)
{
    struct json_value include_usage;

    if (v.type == JSON_NONE)
        return true;
    ret->stream_options = span_in(r->body, v.text);
    ret->stream_options_is_empty = v.type == JSON_NULL;
    if (v.type == JSON_NULL)
        return true;
    if (v.type != JSON_OBJECT)
        return refuse_type(r, SLICE("stream_options"), "an object", v.type);

    ret->stream_options_is_empty = object_is_empty(v.text);
    if (!json_members(v.text, option_members, 1, &include_usage))
        return refuse_duplicate(r, include_usage_path);
    if (include_usage.type != JSON_NONE)
        ret->include_usage_span = span_in(r->body, include_usage.text);
    return read_flag(r, include_usage, include_usage_path, &ret->include_usage);
}

/* A limit of tokens; one that is given replaces what *ret holds. */
static bool read_tokens(struct reader *r, struct json_value v, struct slice name, uint64_t *ret)
{
    if (v.type == JSON_NONE || v.type == JSON_NULL)
        return true;
    return json_u64(v, ret) || refuse_type(r, name, "a non-negative integer", v.type);
}

static bool read_members(struct reader *r, const struct json_value *v, struct call *ret)
{
    return read_model(r, v[MODEL], ret) && read_messages(r, v[MESSAGES], ret) &&
           read_flag(r, v[STREAM], SLICE("stream"), &ret->stream) &&
           read_stream_options(r, v[STREAM_OPTIONS], ret) &&
           read_tokens(r, v[MAX_TOKENS], SLICE("max_tokens"), &ret->max_tokens) &&
           read_tokens(r, v[MAX_COMPLETION], SLICE("max_completion_tokens"), &ret->max_tokens);
}

bool openai_chat_read(struct slice body, struct arena *a, struct call *ret, struct fault *ret_fault)
{
    struct reader r = {body, a, ret_fault};
    struct json_value v[REQUEST_LEN];
    struct json_error why;

    *ret = (struct call){.kind = CALL_CHAT, .dialect = DIALECT_CHAT, .body = body};
    *ret_fault = (struct fault){0};
    if (json_scan(body, request_members, REQUEST_LEN, v, &why))
        return read_members(&r, v, ret);
    if (why.fault == JSON_DUPLICATE)
        return refuse_duplicate(&r, request_members[why.member].name);
    return refuse_text(&r, &why);
}
