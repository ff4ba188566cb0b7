/* repeat.h: frames of a translated stream that repeat the one before but for their text.
 *
 * alike.h for streams that are taken apart, where the text is wanted and the frame before may have
 * come with another read. Of a frame that says one text and nothing else the bytes around it are
 * kept. The next with the same bytes around another text says the same with that text: it need not
 * be parsed, its string is checked. Whatever else is read in between is forgotten with, so no state
 * of the reader can have changed. Pure. */

#pragma once

#include "model/answer.h"
#include "model/event.h"

enum { REPEAT_ROOM = 640 };

/* Zero at first. */
struct repeat {
    enum piece_kind kind; /* of the only piece */
    unsigned tool;
    unsigned pieces;                /* of the frame that is being read */
    struct slice text;              /* of its last piece; lives while it is read */
    size_t before, between, behind; /* bytes in fixed; before 0: no frame is remembered */
    char fixed[REPEAT_ROOM];        /* what comes ahead of a string ends with its quote */
};

/* A frame will be parsed: forgets the one before. */
void repeat_begin(struct repeat *r);
/* It says this. */
void repeat_note(struct repeat *r, const struct piece *p);
/* It was read, and means e. Remembers it when it can be repeated. The member "obfuscation", which
 * OpenAI fills with letters without a meaning, may then hold others. */
void repeat_end(struct repeat *r, struct slice frame, const struct event *e);

/* True: frame is the one that is remembered around another text, that is not empty: *ret is its
 * piece. It means one delta of content. */
bool repeat_find(const struct repeat *r, struct slice frame, struct piece *ret);
