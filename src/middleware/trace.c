/* trace.c: takes the client's ids up, or makes them.
 *
 * traceparent (W3C Trace Context, section 3.2) is continued: same trace, a span id of our own, same
 * flags. The request id is the client's x-request-id where that is sane, else the trace id. */

#include "middleware/trace.h"

#include "base/ids.h"
#include "web/exchange.h"

enum {
    REQUEST_ID_MAX = 128,
    /* "00-" trace "-" span "-" flags */
    TRACE_AT = 3,
    SPAN_AT = TRACE_AT + TRACE_ID_TEXT + 1,
    FLAGS_AT = SPAN_AT + SPAN_ID_TEXT + 1,
    PARENT_LEN = FLAGS_AT + 2,
};

struct trace {
    char parent[PARENT_LEN];
};

static bool request_id_is_sane(struct slice id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.at[i] <= ' ' || id.at[i] > '~')
            return false;
    return id.len > 0 && id.len <= REQUEST_ID_MAX;
}

static bool is_hex(const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!((at[i] >= '0' && at[i] <= '9') || (at[i] >= 'a' && at[i] <= 'f')))
            return false;
    return true;
}

static bool is_hex_id(const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (at[i] != '0')
            return is_hex(at, n);
    return false; /* all zero is not an id */
}

/* Later versions may be longer, but begin alike (section 4.3 of the versioning rules). */
static bool parent_is_valid(struct slice p)
{
    if (p.len < PARENT_LEN || !is_hex(p.at, 2) || slice_starts(p, SLICE("ff")))
        return false;
    if (p.len > PARENT_LEN && (slice_starts(p, SLICE("00")) || p.at[PARENT_LEN] != '-'))
        return false;
    return p.at[TRACE_AT - 1] == '-' && p.at[SPAN_AT - 1] == '-' && p.at[FLAGS_AT - 1] == '-' &&
           is_hex_id(p.at + TRACE_AT, TRACE_ID_TEXT) && is_hex_id(p.at + SPAN_AT, SPAN_ID_TEXT) &&
           is_hex(p.at + FLAGS_AT, 2);
}

static void parent_write(char ret[PARENT_LEN], struct slice client)
{
    static const char frame[] = "00-00000000000000000000000000000000-0000000000000000-00";

    _Static_assert(sizeof(frame) - 1 == PARENT_LEN, "the frame is a whole traceparent");
    memcpy(ret, frame, PARENT_LEN);
    if (parent_is_valid(client)) {
        memcpy(ret + TRACE_AT, client.at + TRACE_AT, TRACE_ID_TEXT);
        memcpy(ret + FLAGS_AT, client.at + FLAGS_AT, 2);
    } else {
        ids_random_hex(ret + TRACE_AT, TRACE_ID_TEXT);
    }
    ids_random_hex(ret + SPAN_AT, SPAN_ID_TEXT);
}

static enum mw trace_on_request(struct exchange *x)
{
    struct trace *t = exchange_slot(x, &middleware_trace);
    struct slice id = exchange_field(x, SLICE("x-request-id"));

    parent_write(t->parent, exchange_field(x, SLICE("traceparent")));
    x->traceparent = slice_of(t->parent, PARENT_LEN);
    if (request_id_is_sane(id)) /* outlives the field that it came in */
        x->request_id = arena_copy(x->arena, id);
    if (!x->request_id.at)
        x->request_id = slice_of(t->parent + TRACE_AT, TRACE_ID_TEXT);
    exchange_header(x, SLICE("x-request-id"), x->request_id);
    if (exchange_dialect(x) == DIALECT_MESSAGES) /* as clients of that dialect look for it */
        exchange_header(x, SLICE("request-id"), x->request_id);
    return MW_NEXT;
}

const struct middleware middleware_trace = {
    .name = "trace",
    .slot_bytes = sizeof(struct trace),
    .malformed = true,
    .on_request = trace_on_request,
};
