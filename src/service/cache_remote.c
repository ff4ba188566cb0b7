/* cache_remote.c: see cache_remote.h. */

#include "service/cache_remote.h"

#include "io/crypto.h"
#include "repository/answer_repo.h"
#include "service/cache_packing.h"

#include <errno.h>
#include <stdlib.h>

enum { FAILURES_MOST = 3, REST_FIRST_MS = 50, REST_MOST_MS = 1000 };

struct cache_remote {
    struct cache_store store;
    struct loop *loop;
    struct answer_repo *repo;
    uint64_t timeout_ms;
    unsigned char seal_key[CACHE_SEAL_LEN];
    unsigned failures;      /* in a row */
    uint64_t rest_ms;       /* the next rest */
    uint64_t rest_until_ms; /* nobody asks before */
};

/* A call that waits for Redis. */
struct ticket {
    struct answer_call call;
    struct cache_remote *remote;
    struct cache_fetch *fetch;
    struct cache_key key;
};

static struct cache_remote *remote_of(struct cache_store *s)
{
    return container_of(s, struct cache_remote, store);
}

/* --- whether it is worth asking --- */

static bool remote_rests(const struct cache_remote *r)
{
    return loop_now_ms(r->loop) < r->rest_until_ms;
}

/* Some failures in a row, and nobody asks for a while; each time in vain, for twice as long. One
 * stall makes many calls fail at once: those that end during a rest tell nothing new. */
static void remote_note(struct cache_remote *r, int rc)
{
    if (rc == OK || rc == -ENOENT) {
        r->failures = 0;
        r->rest_ms = REST_FIRST_MS;
    } else if (!remote_rests(r) && ++r->failures >= FAILURES_MOST) {
        r->rest_until_ms = loop_now_ms(r->loop) + r->rest_ms;
        r->rest_ms = MIN(2 * r->rest_ms, (uint64_t)REST_MOST_MS);
    }
}

/* --- out --- */

static void on_answer(struct op *op, int rc)
{
    struct ticket *t = container_of(op, struct ticket, call.op);
    struct cache_fetch *f = t->fetch;

    remote_note(t->remote, rc);
    if (rc == OK)
        rc = cache_unpack(t->remote->seal_key, &t->key, t->call.value, &f->entry);
    f->ticket = NULL;
    free(t);
    f->op.done(&f->op, rc);
}

static int remote_fetch(struct cache_store *store, const struct cache_key *key,
                        struct cache_fetch *f)
{
    struct cache_remote *r = remote_of(store);

    _Static_assert((int)ANSWER_KEY_LEN == (int)CACHE_KEY_LEN, "a key is a key");
    if (remote_rests(r))
        return -EAGAIN;
    struct ticket *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->call.op.done = on_answer;
    t->remote = r;
    t->fetch = f;
    t->key = *key;
    int rc = answer_repo_get(r->repo, &t->call, key->bytes, r->timeout_ms);
    if (rc < 0)
        free(t);
    else
        f->ticket = t;
    return rc;
}

static void remote_cancel(struct cache_store *store, struct cache_fetch *f)
{
    struct ticket *t = f->ticket;

    (void)store;
    if (!t)
        return;
    answer_repo_cancel(&t->call);
    f->ticket = NULL;
    free(t);
}

/* --- in --- */

static int remote_keep(struct cache_store *store, const struct cache_key *key,
                       const struct cache_answer *answer, uint64_t ttl_ms)
{
    struct cache_remote *r = remote_of(store);
    struct slice sealed;

    if (remote_rests(r))
        return -EAGAIN;
    int rc = cache_pack(r->seal_key, key, answer, &sealed);
    if (rc < 0)
        return rc;
    rc = answer_repo_put(r->repo, key->bytes, sealed, ttl_ms);
    free((void *)(uintptr_t)sealed.at);
    return rc;
}

/* --- its life --- */

static void remote_close(struct cache_store *store)
{
    struct cache_remote *r = remote_of(store);

    answer_repo_free(r->repo);
    secret_wipe(r->seal_key, sizeof(r->seal_key));
    free(r);
}

static const struct cache_store_methods remote_methods = {
    .fetch = remote_fetch,
    .cancel = remote_cancel,
    .keep = remote_keep,
    .close = remote_close,
};

int cache_derive_seal(struct secret secret_key, unsigned char ret[CACHE_SEAL_LEN])
{
    _Static_assert((int)CACHE_SEAL_LEN == (int)SHA256_LEN, "the key is a SHA-256");
    return crypto_derive(secret_key, SLICE("courier: kept answers are sealed, 1"), ret);
}

int cache_remote_new(const struct cache_remote_options *options, struct cache_store **ret)
{
    const struct answer_repo_options repo = {
        .url = options->url,
        .tls = options->tls,
        .value_bytes = options->entry_bytes + CACHE_PACKED_OVERHEAD,
    };
    struct cache_remote *r = calloc(1, sizeof(*r));

    if (!r)
        return -ENOMEM;
    r->store.methods = &remote_methods;
    r->loop = options->loop;
    r->timeout_ms = options->timeout_ms;
    r->rest_ms = REST_FIRST_MS;
    memcpy(r->seal_key, options->seal_key, sizeof(r->seal_key));
    int rc = answer_repo_new(options->loop, &repo, &r->repo);
    if (rc < 0)
        remote_close(&r->store);
    else
        *ret = &r->store;
    return rc;
}
