/* retry.c: the decision of retry.h. */

#include "router/retry.h"

enum {
    FAST_MS = 10000,     /* a failure that took longer is no passing one */
    BASE_MS = 100,       /* the first wait is below it, each further one below its double */
    MOST_MS = 2000,      /* no wait is longer */
    RATE_LIMIT_MS = 500, /* who says 429 and nothing more is not asked again at once */
};

static uint64_t backoff_ms(const struct retry_question *q)
{
    uint64_t most = BASE_MS;

    for (unsigned i = 1; i < q->tries && most < MOST_MS; i++)
        most *= 2;
    uint64_t wait = q->random % (MIN(most, (uint64_t)MOST_MS) + 1);
    return q->fault->kind == FAULT_UPSTREAM_RATE_LIMIT ? MAX(wait, (uint64_t)RATE_LIMIT_MS) : wait;
}

/* A fault without a status of its own came from the network, or in the middle of an answer; then a
 * silence has been long enough, and who says that it is overloaded means it. */
static bool is_passing(const struct fault *fault)
{
    switch (fault->upstream_status) {
    case 408:
    case 409:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return fault->upstream_status < 300 && fault->kind != FAULT_UPSTREAM_TIMEOUT &&
               fault->kind != FAULT_UPSTREAM_OVERLOADED;
    }
}

/* Who says 429 and nothing more gets two attempts. */
static bool is_hammering(const struct retry_question *q)
{
    return q->fault->kind == FAULT_UPSTREAM_RATE_LIMIT && q->fault->retry_after_ms == 0 &&
           q->tries >= 2;
}

int64_t retry_wait_ms(const struct retry_question *q)
{
    uint64_t hint = q->fault->retry_after_ms;

    if (q->tries > q->retries || q->took_ms > FAST_MS || hint > MOST_MS ||
        !fault_traits(q->fault->kind)->retry_same || !is_passing(q->fault) || is_hammering(q))
        return -1;
    uint64_t wait = hint ? hint : backoff_ms(q);
    return wait < q->left_ms ? (int64_t)wait : -1;
}
