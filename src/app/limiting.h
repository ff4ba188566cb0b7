/* limiting.h: what the limiters of a process' workers share. */

#pragma once

#include "app/settings.h"
#include "service/limiter.h"

struct limiting {
    struct quota *quota;
    struct tls_client *tls; /* for rediss://; else NULL */
    struct limiter_outage outage;
    char instance[LIMITER_INSTANCE];
};

/* -EINVAL: limiter_ca_file has no certificate; -EIO, -ENOMEM. *ret is to be freed in any case. */
int limiting_start(const struct settings *s, unsigned workers, struct limiting *ret);
void limiting_free(struct limiting *l);
/* What the settings ask for. */
struct limiter_policy limiting_policy(const struct settings *s);
/* The limiter of one worker; as limiter_new. */
int limiting_join(struct limiting *l, const struct settings *s, unsigned worker, struct loop *loop,
                  struct limiter **ret);
