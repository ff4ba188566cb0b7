/* problem_body.h: an error body in the dialect of the client that gets it. */

#pragma once

#include "base/arena.h"
#include "model/call.h"

/* Plain text; empty: not there. A dialect leaves out what it has no place for. */
struct problem_text {
    int status;
    struct slice message, type, param, code, request_id;
};

/* .at is NULL when out of memory. */
struct slice problem_body_write(enum dialect dialect, const struct problem_text *problem,
                                struct arena *a);
/* A body as the last event of the stream that answers such a call; body: on one line. number: of
 * the event, where the stream numbers them. The same. */
struct slice problem_event_write(enum call_kind kind, struct slice body, uint64_t number,
                                 struct arena *a);
