/* upstream_status.c: see upstream_status.h. */

#include "wire/upstream_status.h"

enum fault_kind upstream_status_kind(int status)
{
    switch (status) {
    case 401:
    case 402:
    case 403:
        return FAULT_UPSTREAM_CREDENTIALS;
    case 405: /* these speak of how we ask, not of what the caller asks: a wrong base_url … */
    case 406:
    case 407:
    case 411:
    case 417:
    case 426:
    case 431:
        return FAULT_UPSTREAM_PROTOCOL;
    case 409: /* conflict, too early, cancelled by the server: the same call may work */
    case 425:
    case 499:
        return FAULT_UPSTREAM_ERROR;
    case 429:
        return FAULT_UPSTREAM_RATE_LIMIT;
    case 529: /* Anthropic: overloaded */
        return FAULT_UPSTREAM_OVERLOADED;
    case 408:
    case 504:
    case 522: /* Cloudflare: no connection in time, no answer in time */
    case 524:
        return FAULT_UPSTREAM_TIMEOUT;
    default:
        if (status < 400)
            return FAULT_UPSTREAM_PROTOCOL;
        return status < 500 ? FAULT_UPSTREAM_REFUSED : FAULT_UPSTREAM_ERROR;
    }
}
