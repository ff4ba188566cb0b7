/* attempt.h: one try to get a call answered by one target. */

#pragma once

#include "adapter/adapter.h"
#include "base/buf.h"
#include "codec/sse.h"
#include "http/client.h"

struct dispatch;

enum attempt_state {
    ATTEMPT_ENDED, /* or never begun */
    ATTEMPT_LEASING,
    ATTEMPT_HEAD,
    ATTEMPT_REFUSAL,
    ATTEMPT_BUFFERED,
    ATTEMPT_STREAM,
};

/* A stream on its way: frames in, spans out. */
struct attempt_stream {
    struct sse sse;
    struct buf held; /* frames that came before the first content */
    struct buf out;  /* where the op translates: what the client gets, until it is sent */
    struct decoding decoding;
    void *decoder;   /* the adapter's state */
    uint64_t deltas; /* pieces of content seen */
    bool finished;   /* a finish reason came */
};

struct attempt {
    struct client_call http;
    struct dispatch *dispatch;
    const struct target *target;
    const struct adapter_op *op;
    struct timer clock; /* first content or whole answer; then idle; never beyond the whole */
    enum attempt_state state;
    int status; /* the provider's; 0: none yet */
    bool sent;  /* the request went out to its last byte, and the answer has begun */
    struct slice content_type;
    struct headers headers; /* of a refusal, for the adapter */
    struct buf body;        /* a refusal's, or an answer's whose length was not announced */
    char *whole;            /* an answer's whose length was */
    size_t whole_len, whole_cap;
    struct usage usage;            /* as far as known */
    struct attempt_stream *stream; /* ATTEMPT_STREAM */
};

/* Begins. AGAIN: dispatch_* functions follow, never within this call. Negative: *ret_fault. */
int attempt_start(struct attempt *a, struct dispatch *d, const struct target *target,
                  struct fault *ret_fault);
/* Gives up: the connection is closed, nothing follows. Harmless when it has ended. */
void attempt_cancel(struct attempt *a);
void attempt_pause(struct attempt *a);
void attempt_resume(struct attempt *a);
/* The answer is committed and will be streamed: gives back the provider's head. */
void attempt_drop_head(struct attempt *a);
/* What was used, as far as it is known or counted when the answer did not come to its good end. */
void attempt_usage(const struct attempt *a, struct usage *ret);

/* Between attempt*.c. */
void attempt_fail(struct attempt *a, enum fault_kind kind);
void attempt_fail_fault(struct attempt *a, const struct fault *fault);
/* A good end is near, and what it used is settled before its last bytes go: told, or estimated from
 * the prompt and this output. */
void attempt_settle_usage(struct attempt *a, const struct usage *told, uint64_t output);
/* For the op's decoders; out as in adapter.h, NULL for a whole answer. */
struct decoding attempt_decoding(const struct attempt *a, struct buf *out);
/* Milliseconds from now; cut to what is left of the whole. */
void attempt_set_clock(struct attempt *a, uint64_t ms);
/* A good end: the rest of the provider's body is not waited for. */
void attempt_done(struct attempt *a);

/* Frames of one read on their way to the client; neighbours in memory are one span. */
enum { BATCH_SPANS = 40 };
struct batch {
    struct slice spans[BATCH_SPANS];
    size_t len;
    bool commit; /* content was among them */
    bool done;   /* the terminal marker was */
    bool plain;  /* the frame just read was content and nothing else */
};

/* Negative: the attempt ended. */
int batch_add(struct attempt *a, struct batch *b, struct slice raw);
/* Sends the batch on, or holds it while nothing of it is content. last: with it the answer ends,
 * well. Negative: the attempt ended. */
int batch_flush(struct attempt *a, struct batch *b, bool last);
/* What becomes of a frame when the answer may be, or is, a rescue: it is passed on, left out, or
 * cut where the client's text ends. False: the attempt ended. */
bool attempt_rescue_frame(struct attempt *a, struct batch *b, struct slice raw,
                          const struct event_list *events);

int attempt_stream_begin(struct attempt *a);
void attempt_stream_bytes(struct attempt *a, struct slice bytes);
void attempt_stream_end(struct attempt *a);
/* Gives its buffers back, of an attempt that has ended. Harmless twice. */
void attempt_stream_free(struct attempt_stream *s);

int attempt_buffered_begin(struct attempt *a, const struct client_head *head);
void attempt_buffered_bytes(struct attempt *a, struct slice bytes);
void attempt_buffered_end(struct attempt *a);
