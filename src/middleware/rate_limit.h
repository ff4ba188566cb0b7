/* rate_limit.h: requests and tokens a minute, requests at a time, as the key allows. */

#pragma once

#include "web/chain.h"

/* How many tokens a call reserves: the estimate of its prompt, and the most it may answer:
 * max_tokens, or RESERVE_DEFAULT where the client sets none, capped at RESERVE_MOST (clients ask
 * for far more than they use). Embeddings answer none, and to count uses none. The true figure
 * replaces it when the exchange is settled. */
enum { RESERVE_DEFAULT = 1024, RESERVE_MOST = 4096 };

/* Behind auth. Reads the call of routes that have one: a bad body is answered here, and costs
 * nothing. Answers carry x-ratelimit-{limit,remaining,reset}-{requests,tokens} where a limit is. */
extern const struct middleware middleware_rate_limit;
