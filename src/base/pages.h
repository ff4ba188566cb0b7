/* pages.h: single pages for what is needed briefly, but by thousands at once.
 *
 * Ten thousand requests that wait for their first token hold ten thousand buffers; a moment later
 * none is needed, and malloc would keep the holes between what stays. Pages go back to the system
 * when more than a few lie idle, and are taken newest first: warm in the cache. One thread uses a
 * pool. */

#pragma once

#include "base/base.h"

struct pages {
    size_t size; /* bytes of a page */
    void **idle; /* a stack; the first `cold` hold no memory */
    size_t len;  /* idle */
    size_t cold;
    void **slabs; /* what was mapped, SLAB_PAGES pages each */
    size_t slabs_len;
};

/* Takes no memory yet. */
void pages_init(struct pages *p);
/* All must have been given back. */
void pages_free(struct pages *p);
/* p->size bytes, not zeroed, or NULL. */
void *pages_take(struct pages *p);
void pages_give(struct pages *p, void *page);
