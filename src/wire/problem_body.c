/* problem_body.c: an error body in the dialect of the client that gets it. */

#include "wire/problem_body.h"

#include "codec/json_out.h"
#include "wire/anthropic_error.h"
#include "wire/openai_error.h"

/* As the inside of a JSON string; .at is NULL when out of memory. */
static struct slice escaped(struct slice text, struct arena *a)
{
    struct json_out o;

    json_out_begin(&o, a, text.len + 1);
    json_out_escape(&o, text);
    return json_out_failed(&o) ? (struct slice){0} : json_out_slice(&o);
}

struct slice problem_body_write(enum dialect dialect, const struct problem_text *problem,
                                struct arena *a)
{
    struct slice message = escaped(problem->message, a), param = escaped(problem->param, a);

    if (!message.at || !param.at)
        return (struct slice){0};
    if (dialect == DIALECT_MESSAGES)
        return anthropic_error_write(a, anthropic_error_type(problem->status), message,
                                     problem->request_id);
    return openai_error_write(a, message, problem->type, param, problem->code);
}

struct slice problem_event_write(enum call_kind kind, struct slice body, uint64_t number,
                                 struct arena *a)
{
    struct openai_error error;
    struct json_out o;

    if (kind == CALL_RESPONSES && openai_error_read(body, &error))
        body = openai_error_write_event(a, &error, number);
    json_out_begin(&o, a, body.len + 32);
    if (kind == CALL_MESSAGES || kind == CALL_RESPONSES)
        json_out_literal(&o, "event: error\n");
    json_out_literal(&o, "data: ");
    json_out_add(&o, body);
    json_out_literal(&o, "\n\n");
    return !body.at || json_out_failed(&o) ? (struct slice){0} : json_out_slice(&o);
}
