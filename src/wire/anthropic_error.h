/* anthropic_error.h: the error objects of Anthropic's dialect, and what they mean.
 *
 *   {"type":"error","error":{"type","message"},"request_id"}
 *
 * In a stream it is the data of an event named `error`. Source: docs.anthropic.com, "Errors". There
 * are no codes: decisions rest on the status and the type, and for two matters that have no type of
 * their own (credit, length of the prompt) on the words of the message. */

#pragma once

#include "base/arena.h"
#include "model/fault.h"

struct anthropic_error {
    struct slice object;        /* the whole of it */
    struct slice message, type; /* text of JSON strings, still escaped; empty: absent */
};

/* False: body is not JSON, or no error object. */
bool anthropic_error_read(struct slice body, struct anthropic_error *ret);
/* What a provider's refusal means. status: of the answer, 0 for an error in a stream or in a 200;
 * error: NULL when there was none to read. */
enum fault_kind anthropic_error_kind(int status, const struct anthropic_error *error);
/* The fault of an error that came in a stream or in a 200: its kind, and for a refusal the status
 * that belongs to its type. */
struct fault anthropic_error_fault(const struct anthropic_error *error);

/* The error type that belongs to a status of 400 and above. */
struct slice anthropic_error_type(int status);
/* An error body for a client. message: text of a JSON string, already escaped. request_id: plain,
 * empty for none. .at is NULL when out of memory. */
struct slice anthropic_error_write(struct arena *a, struct slice type, struct slice message,
                                   struct slice request_id);
