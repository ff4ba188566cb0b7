/* prompt_keeper.h: takes prompts and answers from the workers and writes them into the store, in
 * the yard; only when `store_prompts` says so.
 *
 * Whatever a worker has written down waits in memory, bounded: what finds no room is dropped and
 * counted, and never holds a request up. While the store is away it waits, then drops: prompts are
 * no usage records. What cannot be made fit to be kept (prepare fails) is not kept. */

#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "model/prompt.h"
#include "model/record.h"

#include <stdatomic.h>

struct prompt_keeper;

struct prompt_keeper_options {
    struct slice store;
    /* Nothing is written into the store before this is true: it may be another installation's.
     * NULL: it is known. Outlives the keeper. */
    const atomic_bool *admitted;
    enum prompt_mode mode;
    size_t queue_bytes; /* of all that is written down or waits */
    size_t text_bytes;  /* of one prompt or answer; more is cut */
    /* In the yard: makes the texts fit to be kept, in the arena. Negative: they are not. */
    int (*prepare)(const void *owner, struct prompt *p, struct arena *a);
    const void *owner;
};

int prompt_keeper_start(const struct prompt_keeper_options *options, struct prompt_keeper **ret);
/* The workers have ended. Writes for limit_ms at most; what is left is dropped. NULL is harmless.
 */
void prompt_keeper_stop(struct prompt_keeper *k, uint64_t limit_ms);
/* Any thread. */
enum prompt_mode prompt_keeper_mode(const struct prompt_keeper *k);
void prompt_keeper_set_mode(struct prompt_keeper *k, enum prompt_mode mode);

/* What became of prompts; any thread. */
struct prompt_figures {
    _Atomic uint64_t stored, dropped, failed; /* failed: could not be prepared, or were refused */
};
const struct prompt_figures *prompt_keeper_figures(const struct prompt_keeper *k);

/* --- of one request, on its worker --- */

/* One that is being written down. */
struct prompt_draft {
    struct list node;
    struct prompt prompt; /* the texts that are empty are set when it is handed over */
    struct buf answer;
    size_t room;
    char request_id[RECORD_REQUEST_ID + 1], model[RECORD_MODEL + 1];
    char request[];
};

/* With a copy of the request's body. NULL: no room, or no memory; it is counted. */
struct prompt_draft *prompt_draft_new(struct prompt_keeper *k, struct slice body);
/* Bytes of the answer. False: no room; the draft must be dropped. */
bool prompt_draft_add(struct prompt_keeper *k, struct prompt_draft *d, const struct slice *spans,
                      size_t n);
/* Gives it over; request_id and model are copied, cut at their room. */
void prompt_draft_hand(struct prompt_keeper *k, struct prompt_draft *d);
/* lost: it should have been kept. NULL is harmless. */
void prompt_draft_drop(struct prompt_keeper *k, struct prompt_draft *d, bool lost);
