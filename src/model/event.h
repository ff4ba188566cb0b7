/* event.h: what one frame of a provider's stream means. */

#pragma once

#include "model/fault.h"
#include "model/usage.h"

enum event_mark {
    EVENT_CONTENT = 1,    /* text, refusal, reasoning, tool call: commits the answer */
    EVENT_USAGE = 2,      /* `usage` is set; the last one wins */
    EVENT_USAGE_ONLY = 4, /* nothing but usage: not for a client that did not ask for it */
    EVENT_FINISH = 8,     /* a finish reason: the answer is complete, the marker may follow */
    EVENT_DONE = 16,      /* the terminal marker */
    EVENT_ERROR = 32,     /* `fault` is set */
};

struct event {
    unsigned marks;         /* 0: lifecycle (role, comment, ping) */
    uint64_t output_deltas; /* pieces of content in it: a floor for counting a cut stream */
    /* EVENT_CONTENT: the piece of text as it stands in the frame, a JSON string with its quotes,
     * when the frame carries text of one choice and no other content; else empty */
    struct slice text;
    struct usage usage;
    struct fault fault;
    uint64_t frames; /* of a stream that numbers its frames: how many there are with this one; 0: it
                        has no number */
};

/* One frame may mean several things when dialects are translated. */
enum { EVENT_LIST_MAX = 4 };
struct event_list {
    size_t len;
    struct event at[EVENT_LIST_MAX];
};
