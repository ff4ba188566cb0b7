/* adapter.h: what courier asks of a provider's translation.
 *
 * Pure: bytes and structs in, bytes and structs out. An adapter opens no socket, reads no clock,
 * takes no lock, logs nothing, decides nothing about retries, and allocates only from the arena it
 * is given. Every function can be tested from a file. */

#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "codec/headers.h"
#include "model/call.h"
#include "model/event.h"
#include "model/fault.h"
#include "model/reply.h"
#include "model/target.h"

enum framing { FRAMING_SSE };

enum { ADAPTER_SPANS = 32 };

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
                        every frame, and `alike` must not be asked. Events of a translated stream
                        carry none */
};

/* What an answer is decoded for. Everything in it outlives the answer. */
struct decoding {
    const struct target *target;
    const struct call *call;
    struct arena *arena;
    struct buf *out; /* the caller's: where a translating op puts what the client of a stream gets;
                        not looked at by decode */
};

/* One thing that a vendor can do: one kind of call, and with it one dialect of the client.
 *
 * Where the provider speaks another dialect than the client the op *translates*: all of it happens
 * in here. The caller then relays no byte of the provider's. It sends what decode left in
 * reply.body, or what decode_event and finish have appended to decoding.out; when and in how many
 * pieces it empties `out` is its own matter (until the first content it keeps it). */
struct adapter_op {
    /* -ENOMEM; -EINVAL: the call cannot be expressed, *ret_fault names the member. */
    int (*encode)(const struct target *t, const struct call *c, struct arena *a,
                  struct http_message *ret, struct fault *ret_fault);
    /* A buffered answer with status 2xx; ret->body is what the client gets. -EBADMSG: it is not
     * what it should be (not JSON …). A 200 whose body is an error object is -EPROTO with
     * *ret_fault set. -ENOMEM. */
    int (*decode)(const struct decoding *d, struct slice body, struct reply *ret,
                  struct fault *ret_fault);
    /* A stream begins. state: state_size zeroed bytes, a struct decoder first. Optional but where
     * `translates`. -ENOMEM. */
    int (*begin)(void *state, const struct decoding *d);
    /* One frame of a stream. -EBADMSG: a frame that cannot be understood. Where `translates` also
     * -ENOMEM, -EMSGSIZE (`out` is full, or more tools than can be told apart): the stream cannot
     * go on. */
    int (*decode_event)(void *state, struct slice name, struct slice data, struct event_list *ret);
    /* The stream ended cleanly after an event with EVENT_FINISH, but its marker never came: *ret is
     * the frame that tells a client that all is complete (static; empty where `translates`: it was
     * appended). NULL: such an end is none. */
    int (*finish)(void *state, struct slice *ret);
    /* Optional. How many bytes of rest are whole frames of content like `frame` (raw, one that
     * decode_event has just told to be content and nothing else); *ret_frames: how many. */
    size_t (*alike)(struct slice frame, struct slice rest, uint64_t *ret_frames);
    /* Optional, where `translates`. Puts the body of a refusal that classify or decode found
     * (fault_is_refusal) into the client's dialect; without memory there is then no body. */
    void (*refusal)(struct fault *f, struct arena *a);
    enum framing framing;
    size_t state_size;
    bool translates;
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
