/* sse.h: server-sent events, incrementally, with every raw byte accounted for.
 *
 * WHATWG HTML "Server-sent events": lines end in LF, CR or CRLF; one space after the colon is
 * optional; lines that begin with ':' are comments; several data lines are joined by LF; a BOM may
 * stand at the start. Input may be split at any byte, also inside CRLF or a UTF-8 sequence.
 *
 * The parser returns *frames*: a frame is the raw bytes from the end of the previous frame up to
 * and with the blank line that ends the event (or a run of comment lines and blank lines without
 * data). Concatenating the raw bytes of all frames, and the rest at the end, gives the input back.
 */

#pragma once

#include "base/buf.h"

struct sse_frame {
    struct slice raw;  /* as received, blank line included */
    struct slice name; /* of the event field; empty when there was none */
    struct slice data; /* joined by LF; empty when there was none */
    bool has_data;     /* a data field was there, if empty */
};

struct sse {
    struct buf held;   /* the bytes of an incomplete frame; max bounds it */
    struct buf joined; /* data of a frame with several data lines */
    unsigned char bom; /* bytes of a BOM seen at the start of the stream; above 3: looked for */
    bool first;        /* no frame has ended yet: a BOM is not part of its first line */
    bool line_begun;   /* the line being scanned has a byte */
    bool after_cr;     /* a LF that comes next belongs to the line end before it */
    bool held_done;    /* held was returned as a frame; the next call empties it */
};

/* max: the most bytes one frame may have (several MB). Takes no memory until a frame is split. */
void sse_init(struct sse *s, size_t max);
void sse_free(struct sse *s);

/* Takes the next frame out of *input, which is advanced behind it. Returns
 *   1          a frame is in *ret; its slices live until the next call, or as long as the input's
 *              bytes when the whole frame lay in them (the common case: nothing is copied)
 *   0          no whole frame: all of *input has been kept; feed more
 *   -EMSGSIZE  a frame is longer than max
 *   -ENOMEM */
int sse_next(struct sse *s, struct slice *input, struct sse_frame *ret);
/* At the end of the stream: what has been kept and makes no whole frame (empty: clean end). An
 * event whose blank line never came is not dispatched by the standard, but real providers end so:
 * *ret holds it parsed (raw also without data). Returns 1 when there was one with data, else 0;
 * -ENOMEM. */
int sse_end(struct sse *s, struct sse_frame *ret);
