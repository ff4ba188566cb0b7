/* adapter.h: what courier asks of a provider's translation.
 *
 * Pure: bytes and structs in, bytes and structs out. An adapter opens no socket, reads no clock,
 * takes no lock, logs nothing, decides nothing about retries, and allocates only from the arena it
 * is given. Every function can be tested from a file. */

#pragma once

#include "base/arena.h"
#include "codec/headers.h"
#include "model/call.h"
#include "model/event.h"
#include "model/fault.h"
#include "model/reply.h"
#include "model/target.h"

enum framing { FRAMING_SSE };

enum { ADAPTER_SPANS = 8 };

/* A request to a provider. Spans and values belong to the call's body, the target or the arena. */
struct http_message {
    struct slice method; /* "POST" */
    struct slice path;   /* with the target's base path */
    struct headers headers;
    struct slice body[ADAPTER_SPANS];
    size_t body_len;
};

/* What every decoder's state begins with. The rest of it is the decoder's own. */
struct decoder {
    bool wants_text; /* set before the first frame: events of content carry `text`. Costs a look at
                        every frame, and `alike` must not be asked */
};

/* One thing that a vendor can do. */
struct adapter_op {
    /* -ENOMEM; -EINVAL: the call cannot be expressed, *ret_fault names the member. */
    int (*encode)(const struct target *t, const struct call *c, struct arena *a,
                  struct http_message *ret, struct fault *ret_fault);
    /* A buffered answer with status 2xx. -EBADMSG: it is not what it should be (not JSON …). A 200
     * whose body is an error object is -EPROTO with *ret_fault set. */
    int (*decode)(const struct target *t, struct slice body, struct arena *a, struct reply *ret,
                  struct fault *ret_fault);
    /* One frame of a stream. state: state_size bytes, a struct decoder first, zeroed at the start
     * of the stream. -EBADMSG: a frame that cannot be understood. */
    int (*decode_event)(void *state, struct slice name, struct slice data, struct event_list *ret);
    /* Optional. How many bytes of rest are whole frames of content like `frame` (raw, one that
     * decode_event has just told to be content and nothing else); *ret_frames: how many. */
    size_t (*alike)(struct slice frame, struct slice rest, uint64_t *ret_frames);
    enum framing framing;
    size_t state_size;
    /* The frame that tells a client that a stream is complete: for a provider that ended cleanly
     * after its finish reason but never sends one. */
    struct slice end_marker;
};

/* A setting of a provider: validates the configuration. */
struct setting_rule {
    const char *name; /* "base_url", "api_key" */
    bool required;
    const char *fallback; /* the value when it is absent; NULL: none */
    const char *meaning;
};

struct adapter {
    const char *name; /* the configuration's `type` */
    enum dialect dialect;
    const struct setting_rule *settings;         /* ended by a NULL name */
    const struct adapter_op *ops[CALL_KIND_MAX]; /* NULL: cannot */
    const void *row; /* the vendor's row of rules, private to the adapter */
    /* An answer with a status that is not 2xx, its body cut at 64 KiB. */
    void (*classify)(int status, const struct headers *h, struct slice body, struct fault *ret);
};
