/* prompt_note.h: a sink between a model's answer and the client that writes down what passes, for
 * the prompt keeper. Begun only when prompts are stored. The client never waits for any of it. */

#pragma once

#include "base/arena.h"
#include "model/prompt.h"
#include "model/sink.h"

struct prompt_keeper;
struct prompt_draft;

struct prompt_note {
    struct sink sink; /* for whoever answers */
    struct sink *client;
    struct prompt_keeper *keeper;
    struct prompt_draft *draft; /* NULL: it is not kept, or was handed over */
    bool stream;
};

/* Copies the request's body. NULL: there is no memory for it, it is counted as dropped, and the
 * answer goes to the client as it would. What was not ended is dropped with the arena. */
struct prompt_note *prompt_note_new(struct prompt_keeper *k, struct slice body, struct sink *client,
                                    struct arena *a);
/* The request has ended. what: everything but texts of request and answer, mode, stream and cut,
 * which the note knows. */
void prompt_note_end(struct prompt_note *n, const struct prompt *what);
