/* openai_chat_pieces.h: the chunks of a stream taken apart, for a client of another dialect.
 *
 * Only the first choice is told: no other dialect has more. Pure. */

#pragma once

#include "wire/repeat.h"

#include "codec/json.h"
#include "model/answer.h"

enum { OPENAI_TOOLS_MAX = 128 };

/* A tool as its provider numbers it. */
struct openai_tool {
    uint64_t index;
    uint64_t id; /* hash of its id; 0: it came without */
};

/* What is remembered from chunk to chunk; all but the sink is zero at first. */
struct openai_pieces {
    struct piece_sink *sink;
    struct repeat repeat;
    bool started, finished;
    uint64_t answer; /* hash of the answer's id */
    unsigned tools;
    struct openai_tool tool[OPENAI_TOOLS_MAX];
};

/* All of these take what json_scan has validated and return what the sink returned, -EBADMSG for a
 * member that stands twice, or -EMSGSIZE for more than OPENAI_TOOLS_MAX tools. */

/* The first chunk that has a choice: tells the answer's id and model. Later ones: nothing. */
int openai_pieces_start(struct openai_pieces *p, struct slice chunk);
int openai_pieces_delta(struct openai_pieces *p, struct slice delta);
/* The choice's finish reason; told once. */
int openai_pieces_finish(struct openai_pieces *p, struct slice choice);
int openai_pieces_usage(struct openai_pieces *p, const struct usage *usage);
int openai_pieces_done(struct openai_pieces *p);
