/* anthropic_writer.h: an answer in no dialect, said to a client of Anthropic's Messages.
 *
 * Source: docs.anthropic.com, API reference "Messages" and "Streaming Messages". Pure. */

#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "model/answer.h"

enum { ANTHROPIC_TOOLS_MAX = 128 };

/* One stream. The first members are set by the caller, the rest is zero. */
struct anthropic_writer {
    struct piece_sink sink; /* anthropic_writer_begin sets it */
    struct buf *out;        /* events are appended */
    struct arena *arena;
    struct slice model;       /* plain: for a provider that does not tell its own */
    uint64_t prompt_estimate; /* tokens of input: message_start must tell them before most
                                 providers do; message_delta has the true figures */

    bool started, open;
    enum block_kind kind; /* open: of the last block */
    unsigned blocks;      /* begun; the last one may be open */
    unsigned tools;
    unsigned block_of_tool[ANTHROPIC_TOOLS_MAX];
    bool refused;
    enum stop_reason stop;
    struct slice stop_sequence;
    struct usage usage;
    uint64_t deltas; /* a floor of what was written, for a provider that tells no usage */
};

/* Pieces given to w->sink become events in the order that clients rely on: message_start, then
 * block by block its start, deltas and stop, at last message_delta and message_stop. The end of the
 * answer is told when the pieces are (PIECE_DONE), because only then its usage is known. A tool
 * that goes on after another has begun still gets its input: as deltas of its own, closed block.
 *
 * The sink returns -ENOMEM, or -EMSGSIZE when out is full or there are more than
 * ANTHROPIC_TOOLS_MAX tools. */
void anthropic_writer_begin(struct anthropic_writer *w);

/* A whole answer, as one run of bytes in the arena. The answer's model must be set; .at is NULL
 * when out of memory. */
struct slice anthropic_answer_write(const struct answer *answer, struct arena *a);

/* The word for why an answer ended. Some providers end a turn that
 * calls tools, or a refusal, with the word for an ordinary end. */
struct slice anthropic_stop_word(enum stop_reason stop, bool refused, bool calls_tools);
