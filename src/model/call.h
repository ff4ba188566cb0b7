/* call.h: what a client asks of a model, as far as the gateway has to know it.
 *
 * A call borrows the client's bytes: `body` is exactly what was sent, and the spans point into it,
 * so that a provider of the same dialect gets it byte for byte but for what must be spliced. */

#pragma once

#include "base/slice.h"

/* How a client or a provider speaks. */
enum dialect { DIALECT_CHAT, DIALECT_MESSAGES }; /* /v1/chat/completions …, /v1/messages … */

/* What can be asked. An adapter has one op for each that its provider can do. */
enum call_kind {
    CALL_CHAT,         /* /v1/chat/completions */
    CALL_MESSAGES,     /* /v1/messages */
    CALL_COUNT_TOKENS, /* /v1/messages/count_tokens */
    CALL_COMPLETIONS,  /* /v1/completions */
    CALL_EMBEDDINGS,   /* /v1/embeddings */
    CALL_RESPONSES,    /* /v1/responses */
    CALL_KIND_MAX
};

/* As OpenTelemetry calls it in gen_ai.operation.name: "chat", "text_completion" … */
struct slice call_operation(enum call_kind kind);

/* A field of the client's head that its provider must see (the version of a dialect …). */
struct call_header {
    struct slice name, value;
};

/* Bytes [from, to) of the body; from == to == 0: not there. */
struct span {
    size_t from, to;
};

struct call {
    enum call_kind kind;
    enum dialect dialect;
    struct slice body;      /* the request, whole */
    struct slice model;     /* decoded */
    struct span model_span; /* the value with its quotes */
    bool stream;
    bool include_usage;                /* the client asked for the usage chunk */
    struct span stream_options;        /* the value: an object or null */
    struct span include_usage_span;    /* the value inside stream_options, when it is there */
    bool stream_options_is_empty;      /* null, or an object without members */
    uint64_t max_tokens;               /* 0: not given */
    uint64_t prompt_estimate;          /* tokens, from the bytes of the messages: for limits, and
                                          for clients who must be told before the provider tells */
    uint64_t created;                  /* when it came, seconds since 1970: for answers that must
                                          carry a time where the provider told none */
    const struct call_header *headers; /* to be passed on to a provider of the same dialect */
    size_t headers_len;
};
