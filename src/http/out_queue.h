/* out_queue.h: bytes that a slow peer has not taken yet, in order.
 *
 * Holds no memory while it is empty. Copied bytes gather in pieces; borrowed ones stay where they
 * are. The limit is the owner's: it looks at `len` and stops writing. */

#pragma once

#include "base/list.h"
#include "io/stream.h"

struct out_queue {
    struct list pieces; /* struct piece */
    size_t len;         /* bytes */
};

void out_queue_init(struct out_queue *q);
void out_queue_clear(struct out_queue *q);
/* copy: the bytes die with the call; else they must live until they are sent or cleared.
 * -ENOMEM. Empty slices are left out. */
int out_queue_add(struct out_queue *q, struct slice s, bool copy);
/* Writes what the stream takes: the number of bytes, 0 when it takes none now, or -errno. */
ssize_t out_queue_send(struct out_queue *q, struct stream *stream);
