/* trail.c: what was tried, as text. See trail.h. */

#include "router/trail.h"

#include "base/fmt.h"

enum { TRAIL_MAX = 512, DIGITS_MAX = 20 };

static struct slice word_of(const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_UPSTREAM_TIMEOUT:
        return SLICE("timeout");
    case FAULT_UPSTREAM_CONNECT:
        return SLICE("connect");
    case FAULT_UPSTREAM_TLS:
        return SLICE("tls");
    default:
        return SLICE("failed");
    }
}

static struct slice result_of(int status, const struct fault *fault, char digits[DIGITS_MAX])
{
    if (fault && (fault->upstream_status < 300 || fault->upstream_status != status))
        return word_of(fault);
    return slice_of(digits, fmt_u64(digits, (uint64_t)status));
}

void trail_add(struct slice *trail, struct arena *a, const struct target *target, int status,
               const struct fault *fault)
{
    char digits[DIGITS_MAX];
    struct slice result = result_of(status, fault, digits);
    size_t room = trail->len + target->model.len + result.len + 2;
    char *whole = room <= TRAIL_MAX ? arena_alloc(a, room) : NULL, *at = whole;

    if (!whole)
        return;
    if (trail->len) {
        at = mempcpy(at, trail->at, trail->len);
        *at++ = ',';
    }
    at = mempcpy(at, target->model.at, target->model.len);
    *at++ = ':';
    at = mempcpy(at, result.at, result.len);
    *trail = slice_of(whole, (size_t)(at - whole));
}
