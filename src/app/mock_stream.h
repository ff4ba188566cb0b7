/* mock_stream.h: an answer as server-sent events, in any dialect, with everything that can be odd
 * about them. */

#pragma once

#include "app/mock_dialect.h"
#include "app/mock_script.h"

struct mock_stream {
    const struct mock_answer *answer;
    struct buf event;  /* the JSON of the next event */
    uint64_t part;     /* the part being written */
    uint64_t block;    /* of a dialect that counts blocks: the open one, or the next */
    uint64_t sequence; /* of a dialect that counts events */
    struct mock_writer *w;
    const char *eol;
    struct buf frame;
};

/* Held once; NULL: out of memory. */
struct mock_script *mock_stream_script(const struct mock_answer *a);
/* Sends the event and empties it. name: of the event, or NULL. */
void mock_stream_send(struct mock_stream *s, const char *name);
/* The same with other text. */
void mock_stream_send_text(struct mock_stream *s, const char *name, struct slice text);
