/* remote_circuit.c: whether Redis is worth asking.
 *
 * After some failures in a row requests do not wait for Redis any more: the circuit is open. Small
 * takes for nobody go out then, one at a time, and when some in a row were answered in time the
 * circuit closes. Without a connection there is nothing to wait for in any case.
 *
 * A node of a cluster that has only some of the keys opens it with its first MOVED: limits that are
 * shared for some keys and not for others would be wrong and unnoticed. The probes then take for
 * the key that it does not have.
 *
 * An outage is told once for all workers, and so is its end. */

#include "service/remote_limiter.h"

#include "base/log.h"

#include <stdio.h>

enum { FAILURES_MOST = 5, GOOD_ENOUGH = 3, PROBE_EVERY_MS = 100 };
enum { PROBE_PLACE = 0 };    /* one for all: a circuit that is open for long fills nothing */
enum { PROBE_LEASE_MS = 1 }; /* of a key that is in use it takes no place to speak of */

bool remote_is_reached(const struct remote_limiter *r)
{
    return !r->open && limit_repo_is_up(r->repo);
}

bool remote_is_worth_asking(const struct remote_limiter *r)
{
    return remote_is_reached(r) && r->in_vain_ms != loop_now_ms(r->loop);
}

const char *remote_why(const struct remote_limiter *r)
{
    return limit_repo_is_up(r->repo) ? r->why : limit_repo_why(r->repo);
}

/* --- telling --- */

static void tell_lost(struct remote_limiter *r)
{
    static const char *const then[] = {
        [LIMITER_LOCAL] = "this instance keeps its share of the limits",
        [LIMITER_OPEN] = "no limits are kept",
        [LIMITER_CLOSED] = "requests with limits are refused",
    };

    if (!atomic_exchange(&r->outage->told, true))
        log_event(LOG_WARN, "the limiter's Redis does not answer", LOG_STR("error", remote_why(r)),
                  LOG_STR("then", then[r->policy.on_failure]), LOG_END);
}

static void look(struct remote_limiter *r)
{
    bool reached = remote_is_reached(r);

    if (!reached)
        tell_lost(r);
    if (reached == r->was_reached)
        return;
    r->was_reached = reached;
    if (!reached) {
        atomic_fetch_sub(&r->outage->reached, 1);
    } else if (atomic_fetch_add(&r->outage->reached, 1) + 1 == r->outage->workers) {
        atomic_store(&r->outage->told, false);
        log_event(LOG_INFO, "Redis keeps the limits", LOG_END);
    }
}

/* --- the circuit --- */

static void on_probe_timer(struct timer *t);

static void probe_later(struct remote_limiter *r)
{
    /* it fired now or was never set; without memory the circuit closes: its failures open it again
     */
    if (timer_set(&r->probe_timer, PROBE_EVERY_MS) < 0)
        r->open = false;
}

static void on_probed(struct op *op, int rc)
{
    struct remote_limiter *r = container_of(op, struct remote_limiter, probe.op);
    bool in_time = loop_now_ms(r->loop) - r->probe_ms <= r->policy.timeout_ms;

    r->probing = false;
    r->good = rc == OK && in_time ? r->good + 1 : 0;
    if (r->good < GOOD_ENOUGH)
        return;
    r->open = false;
    r->failures = 0;
    r->probe_key = 0;
    timer_stop(&r->probe_timer);
    look(r);
}

static void probe(struct remote_limiter *r)
{
    const struct limit_ask ask = {
        .key_id = r->probe_key,
        .concurrency = UINT32_MAX,
        .lease = PROBE_PLACE,
        .lease_ms = PROBE_LEASE_MS,
    };

    r->probe.op.done = on_probed;
    r->probe_ms = loop_now_ms(r->loop);
    r->probing = limit_repo_take(r->repo, &r->probe, &ask) == AGAIN;
}

static void on_probe_timer(struct timer *t)
{
    struct remote_limiter *r = container_of(t, struct remote_limiter, probe_timer);

    probe_later(r);
    if (r->open && !r->probing)
        probe(r);
}

void remote_circuit_init(struct remote_limiter *r)
{
    timer_init(&r->probe_timer, r->loop, on_probe_timer);
}

void remote_succeeded(struct remote_limiter *r)
{
    r->failures = 0;
}

static void failed(struct remote_limiter *r, struct slice why)
{
    snprintf(r->why, sizeof(r->why), "%.*s", SLICE_FMT(why));
    if (r->open || ++r->failures < FAILURES_MOST)
        return;
    r->open = true;
    r->good = 0;
    probe_later(r);
    look(r);
}

void remote_timed_out(struct remote_limiter *r)
{
    r->figures.timeouts++;
    r->in_vain_ms = loop_now_ms(r->loop);
    failed(r, SLICE("no answer in time"));
}

void remote_refused(struct remote_limiter *r, int64_t key_id, struct slice why)
{
    r->figures.refusals++;
    if (slice_starts(why, SLICE("MOVED "))) {
        r->failures = FAILURES_MOST;
        r->probe_key = key_id;
    }
    failed(r, why);
}

void remote_on_state(void *owner, bool up)
{
    struct remote_limiter *r = owner;

    look(r);
    if (!up)
        return;
    remote_tell_owed(r);
    remote_announce(r);
}
