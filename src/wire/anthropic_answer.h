/* anthropic_answer.h: the answers of Anthropic's Messages, whole and streamed.
 *
 * Read as far as a gateway must that passes them on, or whole, to say them in another dialect.
 * Blocks, deltas and events that are not known are skipped: there will be new ones. Source:
 * docs.anthropic.com, API reference "Messages" and "Streaming Messages". Pure. */

#pragma once

#include "base/arena.h"
#include "model/answer.h"
#include "model/event.h"
#include "model/reply.h"
#include "wire/repeat.h"

/* Reads usage of a buffered answer that is passed on as it is. -EBADMSG: not one whole object
 * (json_outline); -EPROTO: an error object. */
int anthropic_read_reply(struct slice body, struct reply *ret);
/* Reads the answer to count_tokens, {"input_tokens":N}: to count is to use nothing, so usage has
 * its source and no tokens. The same errors; -EBADMSG also when the number is not there. */
int anthropic_read_count(struct slice body, struct reply *ret);
/* Reads and validates all of it. The same errors, and -ENOMEM. */
int anthropic_read_answer(struct slice body, struct arena *a, struct answer *ret);

/* The most tools that a stream may call for a client of another dialect. */
enum { ANTHROPIC_STREAM_TOOLS = 128 };

/* A stream taken apart, for a client of another dialect; all but the sink is zero at first. */
struct anthropic_pieces {
    struct piece_sink *sink;
    struct repeat repeat;
    unsigned tools; /* begun */
    /* The index of each one's block + 1; 0: it has ended, or was told all at once. */
    uint64_t block_of_tool[ANTHROPIC_STREAM_TOOLS];
};

/* What is remembered from event to event of one stream; zeroed at its start. */
struct anthropic_stream {
    bool wants_text; /* the caller's wish: fill event.text */
    bool content_seen;
    struct usage usage;
    struct anthropic_pieces *pieces; /* the caller's: wants everything. NULL: nobody does */
};

/* Reads one event. -EBADMSG: not JSON; nothing was handed over then. -EMSGSIZE: more than
 * ANTHROPIC_STREAM_TOOLS tools. Or what the sink returned.
 *
 * When content has been seen and neither text nor pieces are wanted, an event that is plainly one
 * more delta, by its name and its ends, is not parsed. There is no EVENT_FINISH: a stream without
 * message_stop is cut. */
int anthropic_read_event(struct anthropic_stream *s, struct slice name, struct slice data,
                         struct event *ret);
/* How many bytes of rest are whole events that say the same as `frame` but for their text; as
 * openai_chat_alike. */
size_t anthropic_alike(struct slice frame, struct slice rest, uint64_t *ret_frames);

/* The words for why an answer ended; one that is not known is STOP_END. */
enum stop_reason anthropic_stop_read(struct slice reason);
