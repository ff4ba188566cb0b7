/* cache_packing.h: an answer as bytes, sealed; private to cache_remote.
 *
 *     version 1 | stream 1 | content type's length 2 | provider's length 2 | both texts | body
 *
 * Lengths are little-endian. */

#pragma once

#include "service/cache_store.h"

/* Bytes that an answer needs beyond its own. */
enum { CACHE_PACKED_HEAD = 6, CACHE_PACKED_OVERHEAD = CACHE_PACKED_HEAD + 28 + 2 * UINT16_MAX };

/* *ret: malloc'd. -EMSGSIZE: a text is too long; -ENOMEM, -EIO. */
int cache_pack(const unsigned char *seal_key, const struct cache_key *key,
               const struct cache_answer *answer, struct slice *ret);
/* *ret: held by the caller. -EBADMSG: not sealed by us, for this key; -ENOMEM. */
int cache_unpack(const unsigned char *seal_key, const struct cache_key *key, struct slice sealed,
                 struct cache_entry **ret);
