/* answer.h: runs a provider's answer through an adapter and writes down what it meant.
 *
 * The text that comes out is what a fixture's `expect` file holds, a line for each frame of a
 * stream, or one line for a buffered answer or an error; `expect.client` holds what a client of
 * another dialect gets. */

#pragma once

#include "adapter/adapter.h"
#include "base/buf.h"

struct provider_answer {
    int status;
    struct headers head;
    struct slice body;
    bool stream;
};

/* What a run came to, besides its text. */
struct run {
    struct buf text;
    struct buf client; /* of a translated answer: what the client gets */
    bool complete;     /* it would count as a whole answer */
    uint64_t deltas;   /* pieces of content in it */
};

/* The body is given in two pieces, [0, cut) and the rest. */
void answer_run(const struct target *t, const struct call *c, const struct provider_answer *answer,
                size_t cut, struct run *ret);
void run_init(struct run *run);
void run_free(struct run *run);
/* What encode made of a call, as the file expect.request holds it: line, headers, blank, body. */
void request_run(const struct target *t, const struct call *c, struct buf *ret);
