/* record_source.h: where the ledger takes records from, and who gets them. Private to the ledger.
 */

#pragma once

#include "model/record.h"

enum { RECORD_PIECE = 64 }; /* copied at once: few enough to stay in the cache */

struct record_taker {
    /* n: 1 … RECORD_PIECE. Negative ends the handing over. */
    int (*take)(struct record_taker *t, const struct record *records, size_t n);
};

struct record_source {
    /* Hands over up to `most` records, the same again unless advanced. Returns what the taker said
     * last; *ret counts what it took. */
    int (*hand_over)(struct record_source *s, struct record_taker *taker, size_t most, size_t *ret);
    /* Those handed over last are safe elsewhere. */
    void (*advance)(struct record_source *s);
};
