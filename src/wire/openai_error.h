/* openai_error.h: the error objects of providers that speak OpenAI's dialect, in all the shapes
 * that are met in the wild, and what they mean.
 *
 *   {"error":{"message","type","param","code"}}        OpenAI and most others
 *   {"error":"text","code":"text"}                     xAI, Ollama
 *   {"object":"error","message","type","code":400}     vLLM, Mistral
 *   {"code":20012,"message":"text"}                    SiliconFlow, DashScope
 *   [{"error":{"code":400,"message","status","details":[{"reason"},{"retryDelay"}]}}]
 *                                                      Gemini's compatible endpoint
 *
 * Decisions rest on the status, the type and the code, never on the text of a message. */

#pragma once

#include "base/arena.h"
#include "model/fault.h"

struct openai_error {
    struct slice object; /* the JSON object that tells it: the body without an array around it */
    struct slice message, type, param, code; /* as written between the quotes; empty: absent */
    struct slice reason, retry_delay; /* the same, of Google's details: "API_KEY_INVALID", "36s" */
    int status; /* code, when it is an HTTP status (a number or its digits); else 0 */
    bool
        moderated; /* the prompt was flagged (OpenRouter's metadata.reasons): the caller's matter */
};

/* False: body is not JSON, or no error object. */
bool openai_error_read(struct slice body, struct openai_error *ret);
/* What a provider's refusal means. status: of the answer, 0 for an error in a stream or in a 200;
 * error: NULL when there was none to read. */
enum fault_kind openai_error_kind(int status, const struct openai_error *error);
/* The fault of an error that came in a stream or in a 200: its kind, and the status that it names;
 * a refusal that names none is a 400. */
struct fault openai_error_fault(const struct openai_error *error);

/* The code that says that a prompt is longer than the window. */
#define OPENAI_CONTEXT_LENGTH "context_length_exceeded"
/* An error body for a client. message: text of a JSON string, already escaped; param and code may
 * be empty: null. .at is NULL when out of memory. */
struct slice openai_error_write(struct arena *a, struct slice message, struct slice type,
                                struct slice param, struct slice code);
/* The same as the object of a stream of Responses' last event. Its members stand in it twice:
 * beside the type, as the API reference has them, and in `error`, as the API really sends them and
 * as the official SDKs look for them. Sources: platform.openai.com, "Streaming events", error;
 * github.com/openai/openai-dotnet/issues/881. number: its sequence_number. */
struct slice openai_error_write_event(struct arena *a, const struct openai_error *error,
                                      uint64_t number);
