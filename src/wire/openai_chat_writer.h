/* openai_chat_writer.h: an answer in no dialect, said to a client of Chat Completions.
 *
 * Thinking is `reasoning_content`. So that it can be sent back unchanged it also travels in the
 * extra member `thinking_blocks`: [{"index","type":"thinking","thinking","signature"} or
 * {"index","type":"redacted_thinking","data"}]; in deltas of a stream the entries of an index add
 * up by the rule by which clients add up every other list of a delta. Source:
 * platform.openai.com, API reference "Chat", "Streaming". Pure. */

#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "model/answer.h"

enum { OPENAI_WRITER_TOOLS = 128 };

/* One stream. The first members are set by the caller, the rest is zero. */
struct openai_chat_writer {
    struct piece_sink sink; /* openai_chat_writer_begin sets it */
    struct buf *out;        /* frames are appended */
    struct arena *arena;
    struct slice model; /* plain: for a provider that does not tell its own */
    uint64_t created;   /* seconds since 1970 */
    bool include_usage; /* the client asked for it: a chunk of its own before the marker */

    struct slice head; /* how every chunk begins */
    struct usage usage;
    unsigned blocks; /* entries of thinking_blocks that are complete */
    bool in_thinking;
    unsigned tools;                         /* begun */
    uint64_t fed[OPENAI_WRITER_TOOLS / 64]; /* a bit for each that got some input */
    bool finished;                          /* stop is known */
    enum stop_reason stop;
};

/* Pieces given to w->sink become chunks: the role once, tools counted from 0, "{}" for a tool that
 * got no input, the marker at last. The sink returns -ENOMEM, or -EMSGSIZE when out is full or
 * there are more than OPENAI_WRITER_TOOLS tools. */
void openai_chat_writer_begin(struct openai_chat_writer *w);

/* A whole answer, as one run of bytes in the arena. The answer's created and model must be set;
 * .at is NULL when out of memory. */
struct slice openai_chat_answer_write(const struct answer *answer, struct arena *a);
