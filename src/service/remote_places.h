/* remote_places.h: the requests of one worker that hold a place in Redis, by key, so that those of
 * one key are renewed together. */

#pragma once

#include "repository/limit_repo.h"
#include "service/limiter.h"

enum { REMOTE_PLACES = 256 };

struct remote_places {
    struct list keys[REMOTE_PLACES];
};

void remote_places_init(struct remote_places *places);
/* Forgets those that are there. */
void remote_places_free(struct remote_places *places);
/* -ENOMEM: it will not be renewed. */
int remote_places_add(struct remote_places *places, struct limiter_take *t);
/* Harmless on one that was never added. */
void remote_places_remove(struct remote_places *places, struct limiter_take *t);
/* Tells renew of all places, some of one key at a time. */
void remote_places_each(struct remote_places *places, struct limit_renewal *r,
                        void (*renew)(void *owner, const struct limit_renewal *r), void *owner);
