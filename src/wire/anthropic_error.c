/* anthropic_error.c: one table of error types, read in both directions. */

#include "wire/anthropic_error.h"

#include "codec/json.h"
#include "codec/json_out.h"
#include "wire/inside.h"
#include "wire/upstream_status.h"

/* Types in the order in which a status is looked up: the first that fits names it. */
static const struct meaning {
    struct slice type;
    int status;
    enum fault_kind kind;
} meanings[] = {
    {SLICE_INIT("invalid_request_error"), 400, FAULT_UPSTREAM_REFUSED    },
    {SLICE_INIT("authentication_error"),  401, FAULT_UPSTREAM_CREDENTIALS},
    {SLICE_INIT("billing_error"),         402, FAULT_UPSTREAM_CREDENTIALS},
    {SLICE_INIT("permission_error"),      403, FAULT_UPSTREAM_CREDENTIALS},
    {SLICE_INIT("not_found_error"),       404, FAULT_UPSTREAM_REFUSED    },
    {SLICE_INIT("timeout_error"),         408, FAULT_UPSTREAM_TIMEOUT    },
    {SLICE_INIT("conflict_error"),        409, FAULT_UPSTREAM_ERROR      },
    {SLICE_INIT("request_too_large"),     413, FAULT_UPSTREAM_REFUSED    },
    {SLICE_INIT("rate_limit_error"),      429, FAULT_UPSTREAM_RATE_LIMIT },
    {SLICE_INIT("api_error"),             500, FAULT_UPSTREAM_ERROR      },
    {SLICE_INIT("overloaded_error"),      503, FAULT_UPSTREAM_OVERLOADED },
    {SLICE_INIT("timeout_error"),         504, FAULT_UPSTREAM_TIMEOUT    },
    {SLICE_INIT("overloaded_error"),      529, FAULT_UPSTREAM_OVERLOADED },
};

static const struct meaning *meaning_of_type(struct slice type)
{
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
        if (slice_eq(meanings[i].type, type))
            return &meanings[i];
    return NULL;
}

static const struct meaning *meaning_of_status(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
        if (meanings[i].status == status)
            return &meanings[i];
    return NULL;
}

bool anthropic_error_read(struct slice body, struct anthropic_error *ret)
{
    static const struct json_member outer[] = {{SLICE_INIT("error")}};
    static const struct json_member inner[] = {{SLICE_INIT("type")}, {SLICE_INIT("message")}};
    struct json_value error, v[2];
    struct json_error why;

    *ret = (struct anthropic_error){.object = slice_trim(body)};
    if (!json_scan(body, outer, 1, &error, &why) || error.type != JSON_OBJECT ||
        !json_members(error.text, inner, 2, v))
        return false;
    ret->type = inside_of(v[0]);
    ret->message = inside_of(v[1]);
    return true;
}

static bool message_has(const struct anthropic_error *e, struct slice words)
{
    return slice_find(e->message, words) < e->message.len;
}

/* Credit that is used up, and a prompt that is too long, come as invalid_request_error. */
static enum fault_kind kind_of_invalid(const struct anthropic_error *e)
{
    if (message_has(e, SLICE("credit balance is too low")))
        return FAULT_UPSTREAM_CREDENTIALS;
    if (message_has(e, SLICE("prompt is too long")) ||
        message_has(e, SLICE("exceed context limit")))
        return FAULT_CONTEXT_LENGTH;
    return FAULT_UPSTREAM_REFUSED;
}

static enum fault_kind kind_of_status(int status)
{
    const struct meaning *m = meaning_of_status(status);

    return m ? m->kind : upstream_status_kind(status);
}

enum fault_kind anthropic_error_kind(int status, const struct anthropic_error *error)
{
    const struct meaning *m = error ? meaning_of_type(error->type) : NULL;

    if (status == 503 && !error)
        return FAULT_UPSTREAM_ERROR; /* a page comes from a balancer with other backends */
    if (!m && status == 0)
        return FAULT_UPSTREAM_ERROR;
    if (!m)
        return kind_of_status(status);
    /* the type that says least, and that some use for everything */
    if (m->status == 400)
        return status == 0 || fault_is_refusal(kind_of_status(status)) ? kind_of_invalid(error)
                                                                       : kind_of_status(status);
    return m->kind;
}

struct fault anthropic_error_fault(const struct anthropic_error *error)
{
    struct fault fault = {.kind = anthropic_error_kind(0, error)};

    if (fault_is_refusal(fault.kind))
        fault.upstream_status = meaning_of_type(error->type)->status;
    return fault;
}

struct slice anthropic_error_type(int status)
{
    const struct meaning *m = meaning_of_status(status);

    if (m)
        return m->type;
    return status < 500 ? SLICE("invalid_request_error") : SLICE("api_error");
}

struct slice anthropic_error_write(struct arena *a, struct slice type, struct slice message,
                                   struct slice request_id)
{
    struct json_out o;

    json_out_begin(&o, a, message.len + request_id.len + 128);
    json_out_literal(&o, "{\"type\":\"error\",\"error\":{\"type\":");
    json_out_quote(&o, type);
    json_out_literal(&o, ",\"message\":");
    json_out_quote(&o, message);
    json_out_char(&o, '}');
    if (!slice_is_empty(request_id)) {
        json_out_literal(&o, ",\"request_id\":\"");
        json_out_escape(&o, request_id);
        json_out_char(&o, '"');
    }
    json_out_char(&o, '}');
    return json_out_failed(&o) ? (struct slice){0} : json_out_slice(&o);
}
