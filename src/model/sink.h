/* sink.h: the one upward interface: where an answer goes. web/reply implements it, the router calls
 * it through the service. */

#pragma once

#include "model/fault.h"

struct sink;

/* What is known about an answer when its first byte is due. */
struct sink_head {
    int status; /* 200 */
    bool stream;
    bool early;              /* nobody has answered yet: who will is not known */
    bool spent;              /* the call was sent to its end: its bytes are needed no more */
    uint64_t content_length; /* buffered only */
    struct slice content_type;
};

struct sink_events {
    /* The status is told: from here on a fault is told in band. Called once, before on_bytes. */
    int (*on_head)(struct sink *s, const struct sink_head *head);
    /* Bytes for the client, in order, n <= 48 spans. They live during the call only, but for a
     * buffered answer's (`last` is set: those live as long as the request). OK; AGAIN: taken, but
     * stop until completion_proceed; negative: the client is gone. last: this is the end of a good
     * answer. */
    int (*on_bytes)(struct sink *s, const struct slice *spans, size_t n, bool last);
    /* The end of a bad one. Before on_head: the answer is the problem. After it: an in-band error
     * and the end. */
    void (*on_fault)(struct sink *s, const struct fault *fault);
};

struct sink {
    const struct sink_events *events;
};
