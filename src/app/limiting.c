/* limiting.c: see limiting.h. */

#include "app/limiting.h"

#include "base/fmt.h"
#include "base/ids.h"
#include "codec/redis_url.h"
#include "io/tls.h"

#include <errno.h>

/* Redis' authorities are its own: it is seldom in public. */
static int trust(const struct limiter_settings *s, struct limiting *l)
{
    struct redis_url url;

    if (secret_is_empty(s->redis) || redis_url_parse(s->redis, &url, NULL) < 0 || !url.tls)
        return OK;
    return tls_client_new(s->ca_file.at, &l->tls);
}

int limiting_start(const struct settings *s, unsigned workers, struct limiting *ret)
{
    unsigned char random[LIMITER_INSTANCE / 2];

    *ret = (struct limiting){.outage.workers = workers};
    if (ids_secret_bytes(random, sizeof(random)) < 0)
        return -EIO;
    fmt_hex(ret->instance, random, sizeof(random));
    ret->quota = quota_new();
    return ret->quota ? trust(&s->limiter, ret) : -ENOMEM;
}

void limiting_free(struct limiting *l)
{
    quota_free(l->quota);
    tls_client_free(l->tls);
}

struct limiter_policy limiting_policy(const struct settings *s)
{
    return (struct limiter_policy){
        .on_failure = (enum limiter_failure)s->limiter.on_failure,
        .timeout_ms = s->limiter.timeout,
        .lease_ms = s->limiter.lease,
        .instances = s->limiter.instances,
    };
}

int limiting_join(struct limiting *l, const struct settings *s, unsigned worker, struct loop *loop,
                  struct limiter **ret)
{
    struct limiter_options options = {
        .loop = loop,
        .quota = l->quota,
        .redis = s->limiter.redis,
        .tls = l->tls,
        .worker = worker,
        .outage = &l->outage,
        .policy = limiting_policy(s),
    };

    memcpy(options.instance, l->instance, sizeof(options.instance));
    return limiter_new(&options, ret);
}
