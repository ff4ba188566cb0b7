/* body_reader.c: the checks that any dialect makes, in the words that all of them use. */

#include "wire/body_reader.h"

enum { BYTES_PER_TOKEN = 4 };

bool reader_refuse(struct reader *r, enum fault_kind kind, struct slice param, struct slice message)
{
    *r->fault = (struct fault){
        .kind = kind,
        .param = param,
        .message = message.at ? message : (struct slice){0},
    };
    return false;
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

bool reader_refuse_type(struct reader *r, struct slice param, const char *expected,
                        enum json_type type)
{
    struct slice text =
        arena_printf(r->arena, "Invalid type for '%.*s': expected %s, but got %s instead.",
                     SLICE_FMT(param), expected, type_name(type));

    return reader_refuse(r, FAULT_WRONG_TYPE, param, text);
}

bool reader_refuse_missing(struct reader *r, struct slice param)
{
    return reader_refuse(
        r, FAULT_MISSING_MEMBER, param,
        arena_printf(r->arena, "Missing required parameter: '%.*s'.", SLICE_FMT(param)));
}

bool reader_refuse_empty(struct reader *r, struct slice param)
{
    return reader_refuse_value(r, param, "it must not be empty");
}

bool reader_refuse_duplicate(struct reader *r, struct slice param)
{
    return reader_refuse(r, FAULT_DUPLICATE_MEMBER, param,
                         arena_printf(r->arena,
                                      "Duplicate parameter: '%.*s' is given more than once.",
                                      SLICE_FMT(param)));
}

bool reader_refuse_value(struct reader *r, struct slice param, const char *why)
{
    return reader_refuse(
        r, FAULT_INVALID_VALUE, param,
        arena_printf(r->arena, "Invalid value for '%.*s': %s.", SLICE_FMT(param), why));
}

bool reader_refuse_unsupported(struct reader *r, struct slice param, const char *why)
{
    return reader_refuse(r, FAULT_UNSUPPORTED, param,
                         arena_printf(r->arena,
                                      "Unsupported parameter: '%.*s' cannot be passed to this "
                                      "model's provider: %s.",
                                      SLICE_FMT(param), why));
}

bool reader_refuse_memory(struct reader *r)
{
    return reader_refuse(r, FAULT_INTERNAL, (struct slice){0}, (struct slice){0});
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
    return reader_refuse(r, FAULT_INVALID_JSON, (struct slice){0}, text);
}

bool reader_scan(struct reader *r, const struct json_member *wanted, size_t n,
                 struct json_value *ret)
{
    struct json_error why;

    if (json_scan(r->body, wanted, n, ret, &why))
        return true;
    if (why.fault == JSON_DUPLICATE)
        return reader_refuse_duplicate(r, wanted[why.member].name);
    return refuse_text(r, &why);
}

struct span reader_span(const struct reader *r, struct slice part)
{
    size_t from = (size_t)(part.at - r->body.at);

    return (struct span){from, from + part.len};
}

bool reader_model(struct reader *r, struct json_value v, struct call *ret)
{
    struct slice name = SLICE("model");

    if (v.type == JSON_NONE)
        return reader_refuse_missing(r, name);
    if (v.type != JSON_STRING)
        return reader_refuse_type(r, name, "a string", v.type);
    ret->model_span = reader_span(r, v.text);

    if (!json_plain(v, &ret->model)) {
        char *decoded = arena_alloc(r->arena, v.text.len);
        if (!decoded)
            return reader_refuse_memory(r);
        ret->model = slice_of(decoded, json_decode(v, decoded));
    }
    return ret->model.len > 0 || reader_refuse_empty(r, name);
}

static bool refuse_message(struct reader *r, size_t index, enum json_type type)
{
    struct slice param = arena_printf(r->arena, "messages[%zu]", index);

    return reader_refuse_type(r, param.at ? param : SLICE("messages"), "an object", type);
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

bool reader_messages(struct reader *r, struct json_value v)
{
    struct slice name = SLICE("messages");

    if (v.type == JSON_NONE)
        return reader_refuse_missing(r, name);
    if (v.type != JSON_ARRAY)
        return reader_refuse_type(r, name, "an array of objects", v.type);
    if (v.elements & ~(1u << JSON_OBJECT))
        return refuse_messages(r, v.text);
    return v.elements || reader_refuse_empty(r, name);
}

bool reader_flag(struct reader *r, struct json_value v, struct slice name, bool *ret)
{
    if (v.type == JSON_NONE || v.type == JSON_NULL)
        return true;
    return json_bool(v, ret) || reader_refuse_type(r, name, "a boolean", v.type);
}

bool reader_tokens(struct reader *r, struct json_value v, struct slice name, uint64_t *ret)
{
    if (v.type == JSON_NONE || v.type == JSON_NULL)
        return true;
    return json_u64(v, ret) || reader_refuse_type(r, name, "a non-negative integer", v.type);
}

uint64_t reader_estimate(size_t bytes)
{
    return bytes / BYTES_PER_TOKEN;
}
