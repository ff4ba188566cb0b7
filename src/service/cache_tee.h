/* cache_tee.h: a sink between the router and the client that writes down what passes.
 *
 * Kept is what the client got, in its dialect, when it is an answer of the model itself that came
 * to its good end in one piece: not a fault, in band or not, not a fallback's, not one that was
 * rescued, not more than the cache's largest. Keep-alive comments are no part of an answer. What is
 * being written down counts against the cache's memory; without room for it the answer passes and
 * is not kept. The client never waits for any of this. */

#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "model/outcome.h"
#include "model/sink.h"
#include "service/cache.h"

struct cache_tee {
    struct sink sink; /* for the router */
    struct sink *client;
    struct cache *cache;
    struct cache_key key;
    uint64_t ttl_ms;
    const struct outcome *outcome;
    struct buf body; /* of a stream, so far */
    size_t room;     /* taken for it */
    struct slice content_type;
    unsigned attempts; /* when the answer began */
    bool stream;
    bool waits; /* what passes are comments: nobody has answered yet */
    bool off;   /* it is not to be kept */
};

/* All but sink, body, room and what follows them is set by the caller. */
void cache_tee_init(struct cache_tee *t);
/* Gives back what it holds; the answer still passes. Idempotent. */
void cache_tee_stop(struct cache_tee *t);
