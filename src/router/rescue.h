/* rescue.h: may an answer that broke off be continued by another target's?
 *
 * Only when the other's text begins with exactly what has gone out: the same model on two hosts at
 * temperature 0. What has gone out is kept as text, up to a limit; an answer of anything but plain
 * text cannot be rescued, nor one with half of a surrogate pair in a piece: as UTF-8 all halves
 * look alike. Pure but for its memory. */

#pragma once

#include "base/buf.h"
#include "codec/json.h"

enum { RESCUE_MAX = 1 << 20 };

struct rescue {
    bool able;       /* all that went out was text, and it is all here */
    bool verifying;  /* another answer is being compared */
    struct buf sent; /* decoded */
    size_t matched;  /* of sent, by the other answer so far */
    struct buf rest; /* RESCUE_SPLIT: the text to put in the piece's place, a JSON string */
};

enum rescue_step {
    RESCUE_PASS,     /* new text: send the piece as it is */
    RESCUE_SKIP,     /* the client has it already */
    RESCUE_SPLIT,    /* has its beginning: send it with `rest` in the text's place */
    RESCUE_MISMATCH, /* the answers differ: cannot be continued */
};

void rescue_init(struct rescue *r);
void rescue_free(struct rescue *r);
/* One piece of content: its text as a validated JSON string with quotes; empty: content that is not
 * text. Never RESCUE_PASS for a piece that is behind. */
enum rescue_step rescue_take(struct rescue *r, struct slice text);
/* Another answer begins. Only while `able`. */
void rescue_begin(struct rescue *r);
/* True while the other answer has not yet said all that went out. */
bool rescue_is_behind(const struct rescue *r);
