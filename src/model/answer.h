/* answer.h: an answer of a model in no dialect, whole or piece by piece.
 *
 * Here dialects meet on the way back. As in chat.h nothing is decoded: a *text* is the inside of a
 * JSON string that the provider wrote and a reader has checked, between its quotes, still escaped,
 * so that translating copies it; *raw* is a whole JSON value. Both live as long as the bytes that
 * they were read from. Empty: not there. */

#pragma once

#include "model/usage.h"
#include "base/slice.h"

/* Why an answer ended. */
enum stop_reason {
    STOP_NONE,     /* not told */
    STOP_END,      /* the model had said all; also what a reader does not know */
    STOP_SEQUENCE, /* one of the caller's own sequences came */
    STOP_LENGTH,   /* the limit of tokens, or the end of the window */
    STOP_TOOLS,    /* it waits for results of tools */
    STOP_FILTERED, /* refused, or filtered by the provider */
};

enum block_kind {
    BLOCK_TEXT,
    BLOCK_THINKING, /* may have no text but only a signature */
    BLOCK_REDACTED, /* thinking that only the provider can read; opaque */
    BLOCK_TOOL,     /* a call of a tool */
};

struct answer_block {
    enum block_kind kind;
    struct slice text;      /* text; BLOCK_REDACTED: its bytes. None for BLOCK_TOOL */
    struct slice signature; /* text; BLOCK_THINKING; BLOCK_TOOL: of the thought that led to it */
    struct slice id, name;  /* text; BLOCK_TOOL */
    struct slice input;     /* raw, an object; BLOCK_TOOL */
};

/* A whole one. */
struct answer {
    struct slice id, model; /* text */
    uint64_t created;       /* seconds since 1970; 0: not told */
    const struct answer_block *blocks;
    size_t blocks_len;
    struct slice refusal; /* text: why the model would not answer */
    enum stop_reason stop;
    struct slice stop_sequence; /* text; STOP_SEQUENCE, when it was told which */
    struct usage usage;         /* source USAGE_NONE: not told */
};

/* What one frame of a stream adds to an answer. In this order: START, any of the others, FINISH;
 * USAGE at any time, cumulative, the last one counts; DONE at last. */
enum piece_kind {
    PIECE_START,      /* id, model; usage, as far as it is known. Once */
    PIECE_TEXT,       /* text */
    PIECE_THINKING,   /* text */
    PIECE_SIGNATURE,  /* text: the signature of the thinking before it, which it ends */
    PIECE_REDACTED,   /* text: a whole block */
    PIECE_REFUSAL,    /* text */
    PIECE_TOOL_START, /* tool, id, name, signature: of the thought that led to it */
    PIECE_TOOL_INPUT, /* tool, text: a part of the JSON text of its input; or input: all of it */
    PIECE_TOOL_END,   /* tool; not every dialect tells it */
    PIECE_FINISH,     /* stop, stop_sequence */
    PIECE_USAGE,      /* usage */
    PIECE_DONE,
};

struct piece {
    enum piece_kind kind;
    enum stop_reason stop;
    unsigned tool;          /* 0, 1, 2 …: the answer's tools in the order of their TOOL_START */
    struct slice text;      /* text */
    struct slice id, name;  /* text */
    struct slice signature; /* text */
    struct slice input;     /* raw, an object */
    struct slice model;     /* text */
    struct slice stop_sequence; /* text */
    struct usage usage;
};

/* Where a reader puts what it reads: a writer of another dialect. One frame may mean any number of
 * pieces, so they are handed over one by one and never stored. */
struct piece_sink {
    /* The piece lives during the call only. Negative: reading ends with it. */
    int (*take)(struct piece_sink *s, const struct piece *p);
};
