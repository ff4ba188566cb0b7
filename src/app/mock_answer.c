/* mock_answer.c: see mock_answer.h. */

#include "app/mock_answer.h"

#include "app/mock_schema.h"

struct slice mock_piece(struct slice whole, uint64_t i, uint64_t n)
{
    return slice_sub(whole, (size_t)(whole.len * i / n), (size_t)(whole.len * (i + 1) / n));
}

struct slice mock_model_name(const struct mock_ask *ask)
{
    struct slice rest = ask->model;

    return slice_cut(&rest, '?');
}

/* The member of the first tool's function, or one that is not there. */
static struct json_value tool_member(const struct mock_ask *ask, struct slice name)
{
    static const struct json_member function_wanted = {SLICE_INIT("function")};
    struct json_member wanted = {name};
    struct json_value tool = {0}, function = {0}, found = {0};
    size_t at = 0;

    if (ask->tools.type == JSON_ARRAY && json_next(ask->tools.text, &at, &tool))
        json_members(tool.text, &function_wanted, 1, &function);
    if (function.type == JSON_OBJECT)
        json_members(function.text, &wanted, 1, &found);
    return found;
}

struct slice mock_tool_name(const struct mock_ask *ask)
{
    struct json_value name = tool_member(ask, SLICE("name"));

    return name.type == JSON_STRING ? name.text : SLICE("\"no_tool\"");
}

/* response_format: {"type":"json_schema","json_schema":{"schema":{…}}} */
static struct json_value response_schema(const struct mock_ask *ask)
{
    static const struct json_member outer = {SLICE_INIT("json_schema")};
    static const struct json_member inner = {SLICE_INIT("schema")};
    struct json_value wrapped = {0}, schema = {0};

    if (ask->response_format.type == JSON_OBJECT)
        json_members(ask->response_format.text, &outer, 1, &wrapped);
    if (wrapped.type == JSON_OBJECT)
        json_members(wrapped.text, &inner, 1, &schema);
    return schema;
}

static void add_fitting(struct json_value schema, struct buf *ret)
{
    struct buf value;

    buf_init(&value, 1 << 20);
    if (schema.type == JSON_OBJECT)
        mock_schema_value(schema, &value);
    else
        buf_add(&value, SLICE("{\"answer\":\"text\"}"));
    buf_add_json(ret, buf_slice(&value));
    buf_free(&value);
}

void mock_add_content(const struct mock_plan *plan, const struct mock_ask *ask, uint64_t length,
                      struct buf *ret)
{
    struct slice usual = SLICE("Hello! This is courier's mock provider, at your service. ");

    if (plan->tools) {
        add_fitting(tool_member(ask, SLICE("parameters")), ret);
    } else if (plan->json) {
        add_fitting(response_schema(ask), ret);
    } else if (plan->text.len) {
        for (size_t i = 0; i < plan->text.len; i++) {
            char c = plan->text.at[i] == '+' ? ' ' : plan->text.at[i];
            buf_add_json(ret, slice_of(&c, 1));
        }
    } else if (length == 0) {
        buf_add(ret, slice_sub(usual, 0, usual.len - 1));
    } else {
        while (ret->rc == OK && ret->len < length)
            buf_add(ret, slice_sub(usual, 0, MIN(usual.len, (size_t)length - ret->len)));
    }
}

void mock_add_usage(const struct mock_plan *plan, struct buf *ret)
{
    unsigned long long total = plan->prompt_tokens + plan->completion_tokens;

    buf_printf(
        ret,
        ",\"usage\":{\"prompt_tokens\":%llu,\"completion_tokens\":%llu,\"total_tokens\":%llu,"
        "\"prompt_tokens_details\":{\"cached_tokens\":%llu,\"audio_tokens\":0},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":%llu,\"audio_tokens\":0,"
        "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
        (unsigned long long)plan->prompt_tokens, (unsigned long long)plan->completion_tokens, total,
        (unsigned long long)plan->cached_tokens, (unsigned long long)plan->reasoning_tokens);
}

static const char *type_of(uint64_t status)
{
    return status == 429   ? "requests"
           : status == 529 ? "overloaded_error"
           : status >= 500 ? "server_error"
                           : "invalid_request_error";
}

static const char *code_of(uint64_t status)
{
    switch (status) {
    case 401:
        return "\"invalid_api_key\"";
    case 404:
        return "\"model_not_found\"";
    case 429:
        return "\"rate_limit_exceeded\"";
    default:
        return "null";
    }
}

void mock_error_object(const struct mock_plan *plan, struct slice message, struct buf *ret)
{
    struct slice type = plan->type.len ? plan->type : slice_str(type_of(plan->status));

    buf_add(ret, SLICE("{\"error\":{\"message\":\""));
    buf_add_json(ret, message);
    buf_add(ret, SLICE("\",\"type\":\""));
    buf_add_json(ret, type);
    buf_add(ret, SLICE("\",\"param\":null,\"code\":"));
    if (plan->code.len) {
        buf_add_char(ret, '"');
        buf_add_json(ret, plan->code);
        buf_add(ret, SLICE("\"}}"));
    } else {
        buf_printf(ret, "%s}}", code_of(plan->status));
    }
}
