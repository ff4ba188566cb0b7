/* quota.h: limits of a key: requests a minute, tokens a minute, requests at a time.
 *
 * One step checks every limit before it adds to any: a refusal consumes nothing. Tokens are
 * reserved by estimate and settled with the true figure. This is the memory limiter: sharded,
 * shared by all workers, exact for one instance. Thread-safe. */

#pragma once

#include "model/principal.h"

struct quota;

enum quota_limit { QUOTA_OK, QUOTA_REQUESTS, QUOTA_TOKENS, QUOTA_CONCURRENCY };

/* What the x-ratelimit headers say; limit 0: no such limit. */
struct quota_numbers {
    uint64_t limit, remaining, reset_ms;
};

struct quota_verdict {
    enum quota_limit refused; /* QUOTA_OK: taken */
    uint64_t retry_after_ms;  /* refused: when it may succeed */
    struct quota_numbers requests, tokens;
};

/* What was taken, to be settled exactly once. */
struct quota_lease {
    int64_t key_id;
    uint64_t tokens;   /* reserved; 0: the key has no limit of tokens */
    uint64_t taken_ms; /* when they were */
    uint64_t asked_ms; /* when the request was counted */
    bool counted;      /* it was: the key has a limit of requests */
    bool held;         /* false: nothing to settle */
};

struct quota *quota_new(void);
void quota_free(struct quota *q);
/* now_ms: monotonic. -ENOMEM: the key is new and has no place; nothing was taken. A principal
 * without limits takes nothing and costs nothing. A request that asks for more tokens than the
 * limit holds at all is let in when the minute is empty (reserved up to the limit), so that it
 * cannot be refused for ever. */
int quota_take(struct quota *q, const struct principal *p, uint64_t tokens, uint64_t now_ms,
               struct quota_lease *ret_lease, struct quota_verdict *ret);
/* The same for what was let in already: counts it, whatever the limits. */
int quota_count(struct quota *q, const struct principal *p, uint64_t tokens, uint64_t now_ms,
                struct quota_lease *ret_lease);
/* Gives the place back and corrects the reservation to what was used (may exceed it). */
void quota_settle(struct quota *q, struct quota_lease *lease, uint64_t tokens, uint64_t now_ms);
/* As if it had never been taken. */
void quota_undo(struct quota *q, struct quota_lease *lease, uint64_t now_ms);
/* Keys that it remembers: those of about the last minute. */
size_t quota_keys(struct quota *q);
