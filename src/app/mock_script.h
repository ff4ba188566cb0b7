/* mock_script.h: an answer of the mock, ready to be played: bytes, pauses, and how it ends.
 *
 * Built once by a dialect, then only played (mock_conn.c): every fault is just other bytes or
 * another act. Scripts are counted: the cache and each connection that plays one hold it. */

#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum mock_act {
    MOCK_SEND,  /* the bytes */
    MOCK_CLOSE, /* FIN */
    MOCK_RESET, /* RST */
    MOCK_HOLD,  /* nothing more, until the peer leaves */
};

struct mock_step {
    enum mock_act act;
    uint64_t delay_ms; /* before it */
    struct slice bytes;
};

struct mock_script {
    struct arena arena;
    struct mock_step *steps;
    size_t len, cap;
    bool split; /* one byte with each write */
    unsigned holders;
};

/* While it is built: what was written and not yet made a step. */
struct mock_writer {
    struct mock_script *script;
    struct buf pending;
    uint64_t delay_ms; /* before what is pending */
    int rc;
};

/* -ENOMEM; ends in mock_writer_end in any case that begins with OK. */
int mock_writer_begin(struct mock_writer *w);
void mock_write(struct mock_writer *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
void mock_write_bytes(struct mock_writer *w, struct slice bytes);
/* What is written from now on comes so much later. */
void mock_pause(struct mock_writer *w, uint64_t ms);
/* The last step of some scripts. */
void mock_act(struct mock_writer *w, enum mock_act act);
/* One body piece as an HTTP chunk (RFC 9112 section 7.1). */
void mock_write_chunk(struct mock_writer *w, struct slice bytes);
/* The script, held once; NULL: out of memory. */
struct mock_script *mock_writer_end(struct mock_writer *w);

void mock_script_unref(struct mock_script *s);
