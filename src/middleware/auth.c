/* auth.c: takes the key, asks the key service whose it is.
 *
 * Everything behind this gate may rely on x->principal, but for open routes. The key is never
 * copied and never logged. No I/O: the snapshot knows all keys. */

#include "middleware/auth.h"

#include "service/key_service.h"
#include "service/services.h"
#include "service/snapshot.h"
#include "web/exchange.h"
#include "web/problem.h"

static enum mw auth_refuse(struct exchange *x, struct slice why)
{
    return problem_answer_fault(x, &(struct fault){FAULT_UNAUTHENTICATED, .message = why});
}

static enum mw auth_on_request(struct exchange *x)
{
    if (x->route && x->route->open)
        return MW_NEXT;

    struct slice token = exchange_bearer(x);
    if (slice_is_empty(token))
        return auth_refuse(x, SLICE("You didn't provide an API key. Send it in the Authorization "
                                    "header: \"Authorization: Bearer YOUR_KEY\"."));

    /* a key that cannot be looked up is not a wrong key */
    x->snapshot = snapshot_hold(x->services->snapshots, x->arena);
    if (!x->snapshot)
        return problem_answer(x, FAULT_NOTHING_LOADED);

    int rc = key_service_find(x->services->keys, x->snapshot, token, x->wall_us, &x->principal);
    if (rc < 0)
        return auth_refuse(x, SLICE("The API key is unknown, revoked or expired."));
    if (x->route && x->route->admin && !x->principal->admin)
        return problem_answer(x, FAULT_ADMIN_ONLY);
    return MW_NEXT;
}

const struct middleware middleware_auth = {
    .name = "auth",
    .on_request = auth_on_request,
};
