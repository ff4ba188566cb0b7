/* mock_messages.c: POST …/messages and …/messages/count_tokens: requests, errors, whole answers. */

#include "app/mock_messages.h"

#include "app/mock_content.h"

void mock_messages_begin(const struct mock_answer *a, struct buf *ret)
{
    buf_printf(ret,
               "{\"id\":\"msg_mock\",\"type\":\"message\",\"role\":\"assistant\","
               "\"model\":\"%.*s\",\"content\":[",
               SLICE_FMT(mock_ask_model(a->ask)));
}

void mock_messages_add_usage(const struct mock_plan *plan, uint64_t output_tokens, bool whole,
                             struct buf *ret)
{
    buf_add_char(ret, '{');
    if (whole)
        buf_printf(ret,
                   "\"input_tokens\":%llu,\"cache_creation_input_tokens\":%llu,"
                   "\"cache_read_input_tokens\":%llu,",
                   (unsigned long long)plan->prompt_tokens,
                   (unsigned long long)plan->cache_written_tokens,
                   (unsigned long long)plan->cached_tokens);
    buf_printf(ret, "\"output_tokens\":%llu}", (unsigned long long)output_tokens);
}

static void add_stop_sequence(const struct mock_answer *a, struct buf *ret)
{
    struct json_value list = a->ask->stop_sequences, first = {0};
    size_t at = 0;

    if (slice_eq(a->plan->stop, SLICE("stop_sequence")) && list.type == JSON_ARRAY)
        json_next(list.text, &at, &first);
    buf_add(ret, first.type == JSON_STRING ? first.text : SLICE("null"));
}

void mock_messages_add_stop(const struct mock_answer *a, struct buf *ret)
{
    buf_add(ret, SLICE("\"stop_reason\":"));
    mock_add_stop(a, a->calls ? "tool_use" : "end_turn", ret);
    buf_add(ret, SLICE(",\"stop_sequence\":"));
    add_stop_sequence(a, ret);
}

void mock_messages_add_redacted(struct buf *ret)
{
    buf_add(ret, SLICE("{\"type\":\"redacted_thinking\",\"data\":\"aGlkZGVuIGJ5IHRoZSBtb2Nr\"}"));
}

void mock_messages_begin_call(const struct mock_answer *a, uint64_t call, struct buf *ret)
{
    buf_add(ret, SLICE("{\"type\":\"tool_use\",\"id\":\""));
    mock_add_call_id("toolu_mock", call, ret);
    buf_add(ret, SLICE("\",\"name\":"));
    buf_add(ret, mock_call_name(a, call));
    buf_add(ret, SLICE(",\"input\":"));
}

/* The types that a status comes with at the real one. */
static const char *type_of(uint64_t status)
{
    static const struct {
        unsigned status;
        const char *type;
    } types[] = {
        {401, "authentication_error"},
        {402, "billing_error"       },
        {403, "permission_error"    },
        {404, "not_found_error"     },
        {409, "conflict_error"      },
        {413, "request_too_large"   },
        {429, "rate_limit_error"    },
        {504, "timeout_error"       },
        {529, "overloaded_error"    },
    };

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (types[i].status == status)
            return types[i].type;
    return status >= 500 ? "api_error" : "invalid_request_error";
}

void mock_messages_error(const struct mock_plan *plan, struct slice message, struct buf *ret)
{
    buf_add(ret, SLICE("{\"type\":\"error\",\"error\":{\"type\":"));
    mock_add_string(plan->type.len ? plan->type : slice_str(type_of(plan->status)), ret);
    buf_add(ret, SLICE(",\"message\":"));
    mock_add_string(message, ret);
    buf_add(ret, SLICE("},\"request_id\":\"req_mock\"}"));
}

static void begin_block(struct buf *ret, bool *first)
{
    buf_add(ret, *first ? SLICE("") : SLICE(","));
    *first = false;
}

static void add_calls(const struct mock_answer *a, bool *first, struct buf *ret)
{
    for (uint64_t i = 0; i < a->calls; i++) {
        begin_block(ret, first);
        mock_messages_begin_call(a, i, ret);
        mock_add_arguments(a, i, ret);
        buf_add_char(ret, '}');
    }
}

static void add_blocks(const struct mock_answer *a, struct buf *ret)
{
    bool first = true;

    if (a->plan->thinking) {
        begin_block(ret, &first);
        buf_add(ret, SLICE("{\"type\":\"thinking\",\"thinking\":\"" MOCK_THOUGHT
                           "\",\"signature\":\"" MOCK_SIGNATURE "\"}"));
    }
    if (a->plan->redacted) {
        begin_block(ret, &first);
        mock_messages_add_redacted(ret);
    }
    if (a->calls == 0 || a->content.len) {
        begin_block(ret, &first);
        buf_add(ret, SLICE("{\"type\":\"text\",\"text\":"));
        mock_add_string(a->content, ret);
        buf_add_char(ret, '}');
    }
    add_calls(a, &first, ret);
}

static void whole(const struct mock_answer *a, struct buf *ret)
{
    mock_messages_begin(a, ret);
    add_blocks(a, ret);
    buf_add(ret, SLICE("],"));
    mock_messages_add_stop(a, ret);
    if (!a->plan->no_usage) {
        buf_add(ret, SLICE(",\"usage\":"));
        mock_messages_add_usage(a->plan, a->plan->completion_tokens, true, ret);
    }
    buf_add_char(ret, '}');
}

static void whole_count(const struct mock_answer *a, struct buf *ret)
{
    buf_printf(ret, "{\"input_tokens\":%llu}", (unsigned long long)a->plan->prompt_tokens);
}

/* What the real one insists on, in its words. */
static unsigned refuse_count(const struct mock_request *r, const struct mock_ask *ask,
                             const char **ret_why)
{
    if (mock_request_header(r, SLICE("x-api-key")).len == 0 &&
        mock_request_header(r, SLICE("authorization")).len == 0) {
        *ret_why = "x-api-key header is required";
        return 401;
    }
    *ret_why = "anthropic-version: header is required";
    if (mock_request_header(r, SLICE("anthropic-version")).len == 0)
        return 400;
    *ret_why = "messages: Field required";
    return ask->messages.type == JSON_ARRAY ? 0 : 400;
}

static unsigned refuse(const struct mock_request *r, const struct mock_ask *ask,
                       const char **ret_why)
{
    unsigned status = refuse_count(r, ask, ret_why);

    if (status)
        return status;
    *ret_why = "max_tokens: Field required";
    return ask->max_tokens.type == JSON_NUMBER ? 0 : 400;
}

#define HEADERS                                                                                    \
    {                                                                                              \
        "request-id", "anthropic-ratelimit-requests-reset", "anthropic-ratelimit-tokens-reset"     \
    }

const struct mock_dialect mock_messages = {
    .letter = 'm',
    .calls_tools = true,
    .names = HEADERS,
    .refuse = refuse,
    .error = mock_messages_error,
    .whole = whole,
    .events = &mock_messages_events,
};

const struct mock_dialect mock_count_tokens = {
    .letter = 'n',
    .names = HEADERS,
    .refuse = refuse_count,
    .error = mock_messages_error,
    .whole = whole_count,
};
