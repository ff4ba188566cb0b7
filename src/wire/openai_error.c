/* openai_error.c: error objects, and the one table of what they mean. */

#include "wire/openai_error.h"

#include "codec/json.h"
#include "codec/json_out.h"
#include "wire/upstream_status.h"

enum { ERROR, OBJECT, MESSAGE, TYPE, PARAM, CODE, STATUS, METADATA, DETAILS, CHOICES, ERROR_LEN };

static const struct json_member error_members[ERROR_LEN] = {
    [ERROR] = {SLICE_INIT("error")},     [OBJECT] = {SLICE_INIT("object")},
    [MESSAGE] = {SLICE_INIT("message")}, [TYPE] = {SLICE_INIT("type")},
    [PARAM] = {SLICE_INIT("param")},     [CODE] = {SLICE_INIT("code")},
    [STATUS] = {SLICE_INIT("status")},   [METADATA] = {SLICE_INIT("metadata")},
    [DETAILS] = {SLICE_INIT("details")}, [CHOICES] = {SLICE_INIT("choices")},
};

static const struct json_member metadata_members[] = {{SLICE_INIT("reasons")}};

/* cloud.google.com/apis/design/errors: ErrorInfo and RetryInfo. */
static const struct json_member detail_members[] = {
    {SLICE_INIT("reason")},
    {SLICE_INIT("retryDelay")},
};

/* Types, codes and reasons that say: not this account. Sources: OpenAI "Error codes"; Moonshot
 * (type exceeded_current_quota_error, status 429); DashScope (code Arrearage, status 400);
 * DeepSeek; Anthropic's types, which some compatible endpoints keep; ai.google.dev/gemini-api/docs
 * "Troubleshooting" (both with status 400: a bad key; a country, or an account without billing). */
static const struct slice account_words[] = {
    SLICE_INIT("insufficient_quota"),
    SLICE_INIT("insufficient_balance"),
    SLICE_INIT("exceeded_current_quota_error"),
    SLICE_INIT("billing_hard_limit_reached"),
    SLICE_INIT("billing_not_active"),
    SLICE_INIT("billing_error"),
    SLICE_INIT("account_deactivated"),
    SLICE_INIT("invalid_api_key"),
    SLICE_INIT("authentication_error"),
    SLICE_INIT("invalid_authentication_error"),
    SLICE_INIT("permission_error"),
    SLICE_INIT("Arrearage"),
    SLICE_INIT("InvalidApiKey"),
    SLICE_INIT("API_KEY_INVALID"),
    SLICE_INIT("FAILED_PRECONDITION"),
};

/* Types and codes that say: come back later, whatever the status. */
static const struct slice overload_words[] = {
    SLICE_INIT("overloaded_error"),
    SLICE_INIT("engine_overloaded_error"),
    SLICE_INIT("capacity_exceeded"),
};

static const struct slice rate_words[] = {
    SLICE_INIT("rate_limit_exceeded"),
    SLICE_INIT("rate_limit_error"),
    SLICE_INIT("rate_limit_reached_error"),
};

static const struct slice request_words[] = {
    SLICE_INIT("invalid_request_error"), SLICE_INIT("BadRequestError"),
    SLICE_INIT("content_filter"),        SLICE_INIT("content_policy_violation"),
    SLICE_INIT("invalid_prompt"), /* of a response that failed */
};

/* The prompt is longer than the model's window. Sources: OpenAI "Error codes"; llama.cpp's server
 * (a type). vLLM, Mistral, DeepSeek and others say it in the message alone: a refusal like others.
 */
static const struct slice context_words[] = {
    SLICE_INIT(OPENAI_CONTEXT_LENGTH),
    SLICE_INIT("exceed_context_size_error"),
};

static struct slice inner_text(struct json_value v)
{
    if (v.type == JSON_STRING)
        return slice_sub(v.text, 1, v.text.len - 1);
    return v.type == JSON_NUMBER ? v.text : (struct slice){0};
}

static bool tells_something(struct json_value v)
{
    return (v.type == JSON_STRING || v.type == JSON_OBJECT) && v.text.len > 2;
}

/* An object that is the error itself: {"object":"error",…}, or a code and a message and no answer.
 */
static bool is_bare_error(const struct json_value *v)
{
    if (v[OBJECT].type == JSON_STRING && json_string_eq(v[OBJECT], SLICE("error")))
        return true;
    return v[MESSAGE].type == JSON_STRING && v[CODE].type != JSON_NONE &&
           v[CHOICES].type == JSON_NONE;
}

static void read_details(struct json_value details, struct openai_error *ret)
{
    struct json_value detail, v[ARRAY_LEN(detail_members)];
    size_t at = 0;

    while (details.type == JSON_ARRAY && json_next(details.text, &at, &detail)) {
        if (detail.type != JSON_OBJECT ||
            !json_members(detail.text, detail_members, ARRAY_LEN(detail_members), v))
            continue;
        if (v[0].type == JSON_STRING)
            ret->reason = inner_text(v[0]);
        if (v[1].type == JSON_STRING)
            ret->retry_delay = inner_text(v[1]);
    }
}

static void read_members(const struct json_value *v, struct openai_error *ret)
{
    struct json_value reasons;
    uint64_t status;

    ret->message = inner_text(v[MESSAGE]);
    ret->type = inner_text(v[TYPE]);
    if (slice_is_empty(ret->type) && v[STATUS].type == JSON_STRING)
        ret->type = inner_text(v[STATUS]);
    ret->param = inner_text(v[PARAM]);
    ret->code = inner_text(v[CODE]);
    if (slice_to_u64(ret->code, &status) == 0 && status >= 400 && status < 600)
        ret->status = (int)status;
    if (v[METADATA].type == JSON_OBJECT &&
        json_members(v[METADATA].text, metadata_members, 1, &reasons))
        ret->moderated = reasons.type == JSON_ARRAY;
    read_details(v[DETAILS], ret);
}

/* The object of a body: itself, or the first element of an array around it. */
static bool find_object(struct slice body, struct slice *ret)
{
    struct json_error why;
    struct json_value first;
    size_t at = 0;

    if (!json_is_valid(body, &why))
        return false;
    while (strchr(" \t\r\n", *body.at))
        body = slice_sub(body, 1, body.len);
    *ret = body;
    if (*body.at == '{')
        return true;
    if (*body.at != '[' || !json_next(body, &at, &first))
        return false;
    *ret = first.text;
    return first.type == JSON_OBJECT;
}

bool openai_error_read(struct slice body, struct openai_error *ret)
{
    struct json_value v[ERROR_LEN];

    *ret = (struct openai_error){0};
    if (!find_object(body, &ret->object))
        return false;
    if (!json_members(ret->object, error_members, ERROR_LEN, v))
        return false;

    if (tells_something(v[ERROR])) {
        if (v[ERROR].type == JSON_OBJECT) {
            struct slice inner = v[ERROR].text;
            if (!json_members(inner, error_members, ERROR_LEN, v))
                return false;
        }
    } else if (!is_bare_error(v)) {
        return false;
    }
    read_members(v, ret);
    return true;
}

static bool says_one_of(const struct openai_error *e, const struct slice *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(e->type, words[i]) || slice_eq(e->code, words[i]) ||
            slice_eq(e->reason, words[i]))
            return true;
    return false;
}

/* A gateway in front of Anthropic: 400 invalid_request_error "Your credit balance is too low to
 * access the Anthropic API …". The account is ours. */
static bool says_no_credit(const struct openai_error *e)
{
    const struct slice words = SLICE("credit balance is too low");

    return slice_find(e->message, words) < e->message.len;
}

static bool says_too_long(const struct openai_error *e)
{
    return e && says_one_of(e, context_words, ARRAY_LEN(context_words));
}

static enum fault_kind kind_of_status(int status, const struct openai_error *e)
{
    switch (status) {
    case 400:
    case 413:
    case 422:
        return says_too_long(e) ? FAULT_CONTEXT_LENGTH : FAULT_UPSTREAM_REFUSED;
    case 403:
        return e && e->moderated ? FAULT_UPSTREAM_REFUSED : FAULT_UPSTREAM_CREDENTIALS;
    case 498: /* Groq: flex tier capacity exceeded */
        return FAULT_UPSTREAM_OVERLOADED;
    case 503: /* the provider itself speaks JSON; a page comes from a balancer with other backends
               */
        return e ? FAULT_UPSTREAM_OVERLOADED : FAULT_UPSTREAM_ERROR;
    default:
        return upstream_status_kind(status);
    }
}

/* An error in a stream, or in an answer with status 200, that gives no status of its own. */
static enum fault_kind kind_of_words(const struct openai_error *e)
{
    if (e && says_one_of(e, rate_words, ARRAY_LEN(rate_words)))
        return FAULT_UPSTREAM_RATE_LIMIT;
    if (says_too_long(e))
        return FAULT_CONTEXT_LENGTH;
    if (e && says_one_of(e, request_words, ARRAY_LEN(request_words)))
        return FAULT_UPSTREAM_REFUSED;
    return FAULT_UPSTREAM_ERROR;
}

enum fault_kind openai_error_kind(int status, const struct openai_error *error)
{
    if (error &&
        (says_one_of(error, account_words, ARRAY_LEN(account_words)) || says_no_credit(error)))
        return FAULT_UPSTREAM_CREDENTIALS;
    if (error && says_one_of(error, overload_words, ARRAY_LEN(overload_words)))
        return FAULT_UPSTREAM_OVERLOADED;

    if (status == 0 && error)
        status = error->status;
    if (status == 0)
        return kind_of_words(error);
    return kind_of_status(status, error);
}

struct fault openai_error_fault(const struct openai_error *error)
{
    struct fault fault = {
        .kind = openai_error_kind(0, error),
        .upstream_status = error->status,
    };

    if (fault_is_refusal(fault.kind) && fault.upstream_status == 0)
        fault.upstream_status = 400;
    return fault;
}

static void write_or_null(struct json_out *o, struct slice text)
{
    if (slice_is_empty(text))
        json_out_literal(o, "null");
    else
        json_out_quote(o, text);
}

static void write_code(struct json_out *o, const struct openai_error *e)
{
    json_out_literal(o, ",\"param\":");
    write_or_null(o, e->param);
    json_out_literal(o, ",\"code\":");
    write_or_null(o, e->code);
}

static void write_error(struct json_out *o, const struct openai_error *e)
{
    json_out_literal(o, "\"error\":{\"message\":");
    json_out_quote(o, e->message);
    json_out_literal(o, ",\"type\":");
    write_or_null(o, e->type);
    write_code(o, e);
    json_out_char(o, '}');
}

struct slice openai_error_write(struct arena *a, struct slice message, struct slice type,
                                struct slice param, struct slice code)
{
    struct json_out o;

    json_out_begin(&o, a, message.len + 256);
    json_out_char(&o, '{');
    write_error(
        &o, &(struct openai_error){.message = message, .type = type, .param = param, .code = code});
    json_out_char(&o, '}');
    return json_out_failed(&o) ? (struct slice){0} : json_out_slice(&o);
}

struct slice openai_error_write_event(struct arena *a, const struct openai_error *error,
                                      uint64_t number)
{
    struct json_out o;

    json_out_begin(&o, a, 2 * error->message.len + 512);
    json_out_literal(&o, "{\"type\":\"error\",\"sequence_number\":");
    json_out_u64(&o, number);
    json_out_literal(&o, ",\"message\":");
    json_out_quote(&o, error->message);
    write_code(&o, error);
    json_out_char(&o, ',');
    write_error(&o, error);
    json_out_char(&o, '}');
    return json_out_failed(&o) ? (struct slice){0} : json_out_slice(&o);
}
