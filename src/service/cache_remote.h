/* cache_remote.h: answers kept in Redis, for all instances: what one worker has of it.
 *
 * A value is sealed (AES-256-GCM) under a key derived from the installation's secret and bound to
 * its key: neither a dump of Redis nor whoever reads along tells an answer, and a value that was
 * moved or changed is no answer. Redis slow, away or wrong: there is no answer, and after some
 * failures in a row nobody waits for it for a while. */

#pragma once

#include "base/secret.h"
#include "io/loop.h"
#include "service/cache_store.h"

struct tls_client;

struct cache_remote_options {
    struct loop *loop;
    struct secret url;             /* of Redis; copied */
    struct tls_client *tls;        /* for rediss:// */
    const unsigned char *seal_key; /* of cache_derive_seal; copied */
    uint64_t timeout_ms;           /* a call waits so long for Redis */
    size_t entry_bytes;            /* the largest answer */
};

/* The key that seals, from the installation's secret_key. -EIO. */
enum { CACHE_SEAL_LEN = 32 };
int cache_derive_seal(struct secret secret_key, unsigned char ret[CACHE_SEAL_LEN]);

/* *ret is freed by its close. -EINVAL: the URL; -EPROTO: rediss:// without a tls; -ENOMEM. */
int cache_remote_new(const struct cache_remote_options *options, struct cache_store **ret);
