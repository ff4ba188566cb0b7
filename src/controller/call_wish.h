/* call_wish.h: what a caller wants of the answers that are kept, for the completion service. */

#pragma once

struct cache_wish;

/* As completion_ask's wish; caller: the exchange, whose call was read. The field cache-control (RFC
 * 9111 section 5.2.1): `no-cache` is answered anew, and that answer may be kept; `no-store` has
 * nothing to do with what is kept. -ENOTSUP: this call's answer can be no other's; -ENOMEM. */
int call_wish(void *caller, struct cache_wish *ret);
