/* log_ring.h: the bytes between one thread that logs and the log thread. Private to log.
 *
 * Single producer, single consumer. head and tail count bytes for ever; a line is put in whole, so
 * what lies between them always ends at the end of a line. Two hold a ring: its thread and the log
 * thread; whoever lets go last frees it. */

#pragma once

#include "base/slice.h"

#include <stdatomic.h>
#include <sys/uio.h>

struct log_ring {
    struct log_ring *next; /* the log thread's */
    size_t cap;            /* power of two */
    unsigned run;          /* the log_start it belongs to */
    atomic_int holders;    /* 2, 1, freed */
    _Alignas(64) atomic_size_t head;
    atomic_uint_fast64_t dropped; /* lines that found no room, so far */
    _Alignas(64) atomic_size_t tail;
    uint64_t reported; /* of dropped; the log thread's */
    char bytes[];
};

/* NULL when out of memory. */
struct log_ring *log_ring_new(size_t cap, unsigned run);
void log_ring_release(struct log_ring *r);
/* True when its thread has let go. */
bool log_ring_is_orphan(struct log_ring *r);

enum log_ring_put { LOG_RING_DROPPED, LOG_RING_KEPT, LOG_RING_HALF_FULL };
/* Producer. HALF_FULL: this line took it over the half, the log thread should not sleep on. */
enum log_ring_put log_ring_put(struct log_ring *r, struct slice line);
/* Consumer: what is there, in one or two runs; returns their number. */
int log_ring_peek(struct log_ring *r, struct iovec ret[2]);
/* Consumer: n bytes of it are done with. */
void log_ring_skip(struct log_ring *r, size_t n);
