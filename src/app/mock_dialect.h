/* mock_dialect.h: what differs between the dialects that the mock speaks.
 *
 * A dialect writes bodies and events. Heads, framing, pace and faults are the same for all of them
 * (mock_reply.c, mock_stream.c). */

#pragma once

#include "app/mock_ask.h"
#include "app/mock_conn.h"
#include "app/mock_plan.h"

struct mock_dialect;
struct mock_stream;

/* What is to be said, before any dialect. */
struct mock_answer {
    const struct mock_dialect *dialect;
    const struct mock_plan *plan;
    const struct mock_ask *ask;
    struct slice content; /* the text, not escaped; empty: none */
    uint64_t calls;       /* of tools, behind the text; 0: none */
};

struct mock_header_names {
    const char *request_id, *reset_requests, *reset_tokens;
};

/* The events of a streamed answer, in the order of their calls. Its parts are the calls of tools
 * or, without any, the one text. open, before, begin and end may be NULL. */
struct mock_events {
    void (*open)(struct mock_stream *s);   /* behind the head */
    void (*before)(struct mock_stream *s); /* with the first content, not counted among it */
    void (*begin)(struct mock_stream *s, uint64_t part);
    void (*piece)(struct mock_stream *s, struct slice piece); /* of the part; not escaped */
    void (*end)(struct mock_stream *s);
    void (*finish)(struct mock_stream *s); /* why it ends, usage */
    void (*done)(struct mock_stream *s);   /* the mark of the end */
    void (*fail)(struct mock_stream *s);   /* an error instead of what would follow */
};

struct mock_dialect {
    char letter; /* its own, for the cache of scripts */
    bool calls_tools;
    bool reads_body; /* the answer depends on more than the model, stream and include_usage */
    struct mock_header_names names;
    /* The status that a request deserves as it is, with *ret_why; 0: a good one. May be NULL. */
    unsigned (*refuse)(const struct mock_request *r, const struct mock_ask *ask,
                       const char **ret_why);
    /* An error's body, as plan->status has it. */
    void (*error)(const struct mock_plan *plan, struct slice message, struct buf *ret);
    /* The body of a whole answer. */
    void (*whole)(const struct mock_answer *a, struct buf *ret);
    const struct mock_events *events; /* NULL: never streamed */
};

extern const struct mock_dialect mock_chat, mock_completions, mock_embeddings, mock_responses,
    mock_messages, mock_count_tokens;
