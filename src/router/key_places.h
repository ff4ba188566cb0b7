/* key_places.h: where the stored keys of providers and models go.
 *
 * A key is given once and never shown again. So that nobody gets at it by letting the gateway send
 * it to an address of his own, no change may send a key elsewhere unless it gives the key again. */

#pragma once

#include "router/registry.h"

/* A stored key that would go to a scheme, host or port where it did not go before. */
struct key_move {
    struct slice model;    /* for which it is sent; empty: for none, but its provider would move */
    struct slice provider; /* that it would be sent to */
    struct slice to;       /* "https://host:443" */
    bool of_provider;      /* the key is the provider's; else the model's, or a target's */
};

/* Rows as stored, with sealed_key; where api_key is not empty it was given by the change, and that
 * key may go anywhere. OK: all keys stay where they are; KEY_MOVES: *ret tells the first that does
 * not; its texts are in the arena. -ENOMEM. */
enum { KEY_MOVES = 1 };
int key_places_compare(const struct registry_rows *before, const struct registry_rows *after,
                       struct arena *a, struct key_move *ret);
