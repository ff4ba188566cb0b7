/* reply.h: how an exchange is answered: at once, or as a sink for a model's answer.
 *
 * Whatever the road, the exchange is settled just before its last bytes are handed to the server.
 */

#pragma once

#include "http/server.h"
#include "model/fault.h"
#include "model/sink.h"

struct exchange;

struct reply_state {
    struct sink sink;    /* leads back to the exchange */
    uint64_t body_bytes; /* handed to the server, framing not counted */
    bool committed;      /* the head is out (or about to be): faults are told in band */
    bool stream;
    bool forgets; /* with the first bytes of the answer the request is needed no more */
    bool ended;   /* nothing more can be said */
};

/* Answers with these bytes (they live as long as the request), settles, ends. */
void reply_send(struct exchange *x, int status, struct slice content_type, struct slice body);
/* The bad end: before the head the answer is the problem; after it a stream is told in band and
 * ends, anything else breaks off. Harmless on an answer that has ended. */
void reply_fault(struct exchange *x, const struct fault *fault);
/* An answer in pieces, whose length nobody knows: begun once, then written until `last`. AGAIN:
 * there is no room; the exchange's work is told to proceed. -errno: it has been broken off. bytes
 * live during the call. */
int reply_begin(struct exchange *x, int status, struct slice content_type);
int reply_write(struct exchange *x, struct slice bytes, bool last);
/* The sink for a model's answer: give it to the completion. */
struct sink *reply_sink(struct exchange *x);
