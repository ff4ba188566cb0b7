/* tally.h: figures that one thread keeps by names that are not known beforehand.
 *
 * A row for each combination of names that has come up, with so many cells. Written by its owner
 * alone with plain stores, so that the road shares nothing; any thread may read meanwhile. Rows are
 * never taken away. At the limit further combinations share rows whose names are all "other". */

#pragma once

#include "base/slice.h"

#include <stdatomic.h>

struct tally;

typedef _Atomic uint64_t tally_cell;

enum {
    TALLY_NAMES = 3,
    TALLY_NAME_MAX = 128, /* bytes; what is longer is cut */
    TALLY_ROWS = 1024,    /* with names of their own */
    TALLY_SPARE = 256,    /* beyond them, for "other" */
};

struct tally_key {
    uint32_t code;      /* the owner's: everything that is not a name */
    struct slice place; /* of static storage: compared by its address; may be empty */
    struct slice names[TALLY_NAMES];
};

/* cells: of each row. NULL: out of memory. */
struct tally *tally_new(size_t cells);
void tally_free(struct tally *t);
/* The owner's thread. The cells of that row, made when it is not there. NULL: no room, no memory:
 * the figure is lost (tally_lost). */
tally_cell *tally_row(struct tally *t, const struct tally_key *key);
static inline void tally_add(tally_cell *cell, uint64_t n)
{
    /* one writer: no locked instruction is needed */
    uint64_t was = atomic_load_explicit(cell, memory_order_relaxed);
    atomic_store_explicit(cell, was + n, memory_order_relaxed);
}
static inline uint64_t tally_get(const tally_cell *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

/* Any thread: rows [0, tally_len) can be read; the names live as long as the tally. */
size_t tally_len(const struct tally *t);
const tally_cell *tally_read(const struct tally *t, size_t i, struct tally_key *ret);
/* How often there was no row. */
uint64_t tally_lost(const struct tally *t);
