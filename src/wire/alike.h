/* alike.h: frames that repeat the one before but for their text.
 *
 * A stream is hundreds of frames that differ in nothing else, so one look at each is enough. A
 * frame is taken apart once into the bytes that stay and the strings that change ("holes"); the
 * next is one like it when its fixed parts are the same bytes and its holes are whole strings. It
 * then has the same members with the same values as the frame that was read, so it can be neither
 * usage nor an end nor an error, and since no hole holds a line end it is a frame of its own. */

#pragma once

#include "base/slice.h"

/* Which member's string is a hole; the name has its quotes. */
enum alike_hole {
    ALIKE_FIXED, /* none */
    ALIKE_TEXT,  /* content: an empty one would be none */
    ALIKE_NOISE, /* anything */
};

/* How many bytes of rest are whole frames like `frame` (raw, with its blank line, known to be
 * content and nothing else); *ret_frames: how many they are. 0: the next frame must be read. */
size_t alike_frames(struct slice frame, struct slice rest, enum alike_hole (*hole)(struct slice),
                    uint64_t *ret_frames);
