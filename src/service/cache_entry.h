/* cache_entry.h: an answer that is kept: immutable, counted by its holders, one block of memory. */

#pragma once

#include "base/slice.h"

#include <stdatomic.h>

struct cache_room;

/* What is kept of an answer. */
struct cache_answer {
    bool stream;
    struct slice content_type; /* of a whole answer */
    struct slice provider;     /* who gave it */
    const struct slice *body;  /* what the client got, in pieces */
    size_t body_len;           /* of them */
};

struct cache_entry {
    atomic_uint holders;
    struct cache_room *room; /* gets its bytes back; NULL: they are not counted */
    size_t bytes;            /* of the block */
    bool stream;
    struct slice content_type, provider, body; /* within the block */
};

/* Bytes of the whole answer's pieces. */
size_t cache_answer_bytes(const struct cache_answer *answer);
/* What an entry of it takes. */
size_t cache_entry_size(const struct cache_answer *answer);
/* Copies; the caller holds it. room: its cache_entry_size was taken from it, and is given back with
 * the entry; may be NULL. NULL: out of memory, and room is still the caller's to give back. */
struct cache_entry *cache_entry_new(const struct cache_answer *answer, struct cache_room *room);
void cache_entry_hold(struct cache_entry *e);
/* Any thread; the last holder frees it. NULL is harmless. */
void cache_entry_drop(struct cache_entry *e);
