/* health.c: circuits and retry budgets. See health.h.
 *
 * Figures of the last ten seconds stand in ten buckets of a second each; a bucket whose second is
 * over is emptied by the first who needs it. */

#include "router/health.h"

#include "base/list.h"

#include <stdlib.h>

enum {
    BUCKETS = 10,
    BUCKET_MS = 1000,
    FAILURES_IN_A_ROW = 5,
    CALLS_TO_JUDGE = 10,
    REST_FIRST_MS = 5000,
    REST_MOST_MS = 60000,
    HINT_MOST_MS = 600000,
    PROBE_MS = 1000, /* what others are told to wait while a probe is on its way */
    RETRIES_ALWAYS = 3,
    CALLS_PER_RETRY = 5,
    PLACES = 1024, /* chains of the table */
};

struct bucket {
    uint64_t second;
    uint32_t calls, failures, judged, retries;
};

struct health {
    struct list node; /* its chain */
    uint64_t identity;
    struct bucket buckets[BUCKETS];
    bool open; /* CLOSED else; HALF_OPEN when open and the rest is over */
    bool probing;
    unsigned in_a_row; /* failures */
    uint64_t rest_until_ms;
    uint64_t rest_ms; /* the next one's length */
    uint64_t outstanding;
};

struct health_table {
    struct list places[PLACES];
    size_t len;
};

/* ---- the table ---- */

struct health_table *health_table_new(void)
{
    struct health_table *t = calloc(1, sizeof(*t));

    for (size_t i = 0; t && i < PLACES; i++)
        list_init(&t->places[i]);
    return t;
}

static void health_drop(struct health_table *t, struct health *h)
{
    list_remove(&h->node);
    t->len--;
    free(h);
}

void health_table_free(struct health_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < PLACES; i++) {
        list_for_each_safe(it, &t->places[i])
        {
            health_drop(t, list_entry(it, struct health, node));
        }
    }
    free(t);
}

/* Forgets whoever is without calls and well; returns the one of the others without calls whose rest
 * ends first. NULL: there is none. */
static struct health *health_sweep(struct health_table *t)
{
    struct health *first = NULL;

    for (size_t i = 0; i < PLACES; i++) {
        list_for_each_safe(it, &t->places[i])
        {
            struct health *h = list_entry(it, struct health, node);
            if (h->outstanding)
                continue;
            if (!h->open)
                health_drop(t, h);
            else if (!first || h->rest_until_ms < first->rest_until_ms)
                first = h;
        }
    }
    return first;
}

/* Whether there is room for one more. */
static bool health_make_room(struct health_table *t)
{
    if (t->len < HEALTH_MAX)
        return true;
    struct health *first = health_sweep(t);
    if (t->len == HEALTH_MAX && first)
        health_drop(t, first);
    return t->len < HEALTH_MAX;
}

struct health *health_of(struct health_table *t, uint64_t identity)
{
    struct list *place = &t->places[identity % PLACES];

    list_for_each(it, place)
    {
        struct health *h = list_entry(it, struct health, node);
        if (h->identity == identity)
            return h;
    }
    struct health *h = health_make_room(t) ? calloc(1, sizeof(*h)) : NULL;
    if (!h)
        return NULL;
    h->identity = identity;
    h->rest_ms = REST_FIRST_MS;
    list_add(place, &h->node);
    t->len++;
    return h;
}

/* ---- figures ---- */

static struct bucket *health_bucket(struct health *h, uint64_t now_ms)
{
    uint64_t second = now_ms / BUCKET_MS;
    struct bucket *b = &h->buckets[second % BUCKETS];

    if (b->second != second)
        *b = (struct bucket){.second = second};
    return b;
}

static struct bucket health_sum(const struct health *h, uint64_t now_ms)
{
    uint64_t second = now_ms / BUCKET_MS;
    struct bucket sum = {0};

    for (size_t i = 0; i < BUCKETS; i++) {
        const struct bucket *b = &h->buckets[i];
        if (b->second + BUCKETS <= second)
            continue;
        sum.calls += b->calls;
        sum.judged += b->judged;
        sum.failures += b->failures;
        sum.retries += b->retries;
    }
    return sum;
}

/* A call counts once, even when it goes wrong after it went well. */
static void health_count(struct health_call *c, bool failed, uint64_t now_ms)
{
    struct bucket *b = health_bucket(c->health, now_ms);

    b->judged += !c->counted;
    b->failures += failed;
    c->counted = true;
}

/* ---- the circuit ---- */

static void health_rest(struct health *h, uint64_t rest_ms, uint64_t now_ms)
{
    h->rest_until_ms = MAX(h->rest_until_ms, now_ms + rest_ms);
}

/* Opens it, also again after a probe in vain. */
static void health_open(struct health_call *c, uint64_t now_ms)
{
    struct health *h = c->health;

    if (h->open && (!c->probe || now_ms < h->rest_until_ms))
        return;
    h->open = true;
    health_rest(h, h->rest_ms, now_ms);
    h->rest_ms = MIN(h->rest_ms * 2, (uint64_t)REST_MOST_MS);
}

/* What was bad before counts no more. */
static void health_close(struct health *h)
{
    h->open = false;
    h->rest_until_ms = 0;
    h->rest_ms = REST_FIRST_MS;
    for (size_t i = 0; i < BUCKETS; i++)
        h->buckets[i].failures = h->buckets[i].judged = 0;
}

static bool health_is_failing(const struct health *h, uint64_t now_ms)
{
    struct bucket sum = health_sum(h, now_ms);

    return h->in_a_row >= FAILURES_IN_A_ROW ||
           (sum.judged >= CALLS_TO_JUDGE && sum.failures * 2 >= sum.judged);
}

/* The probe's place is free for another. */
static void health_end_probe(struct health_call *c)
{
    if (c->probe)
        c->health->probing = false;
    c->probe = false;
}

static void health_on_good(struct health_call *c, uint64_t now_ms)
{
    struct health *h = c->health;

    if (h->open && !c->probe)
        return;
    if (h->open)
        health_close(h);
    health_end_probe(c); /* the answer may go on for long */
    h->in_a_row = 0;
    health_count(c, false, now_ms);
}

static void health_on_bad(struct health_call *c, uint64_t now_ms)
{
    health_count(c, true, now_ms);
    c->health->in_a_row++;
    if (c->probe || health_is_failing(c->health, now_ms))
        health_open(c, now_ms);
}

uint64_t health_wait_ms(const struct health *h, uint64_t now_ms)
{
    if (!h)
        return 0;
    if (now_ms < h->rest_until_ms)
        return h->rest_until_ms - now_ms;
    return h->open && h->probing ? PROBE_MS : 0;
}

uint64_t health_outstanding(const struct health *h)
{
    return h ? h->outstanding : 0;
}

/* ---- for whoever watches ---- */

static enum health_state health_state(const struct health *h, uint64_t now_ms)
{
    if (!h->open)
        return HEALTH_CLOSED;
    return now_ms < h->rest_until_ms ? HEALTH_OPEN : HEALTH_HALF_OPEN;
}

void health_each(const struct health_table *t, uint64_t now_ms,
                 void (*tell)(void *owner, const struct health_figures *f), void *owner)
{
    for (size_t i = 0; i < PLACES; i++) {
        list_for_each(it, &t->places[i])
        {
            const struct health *h = list_entry(it, struct health, node);
            struct bucket sum = health_sum(h, now_ms);
            tell(owner, &(struct health_figures){
                            .identity = h->identity,
                            .state = health_state(h, now_ms),
                            .wait_ms = health_wait_ms(h, now_ms),
                            .outstanding = h->outstanding,
                            .in_a_row = h->in_a_row,
                            .calls = sum.judged,
                            .failures = sum.failures,
                        });
        }
    }
}

/* ---- a call ---- */

void health_begin(struct health_call *c, struct health *h, uint64_t now_ms)
{
    *c = (struct health_call){.health = h};
    if (!h)
        return;
    h->outstanding++;
    health_bucket(h, now_ms)->calls++;
    c->probe = h->open && !h->probing;
    h->probing |= c->probe;
}

void health_judge(struct health_call *c, enum health_verdict verdict, uint64_t hint_ms,
                  uint64_t now_ms)
{
    if (!c->health)
        return;
    switch (verdict) {
    case HEALTH_GOOD:
        health_on_good(c, now_ms);
        return;
    case HEALTH_BAD:
        health_on_bad(c, now_ms);
        break;
    case HEALTH_LIMITED:
        if (!hint_ms)
            health_on_bad(c, now_ms);
        break;
    case HEALTH_REFUSED:
        health_open(c, now_ms);
        break;
    case HEALTH_NEUTRAL:
        return;
    }
    health_rest(c->health, MIN(hint_ms, (uint64_t)HINT_MOST_MS), now_ms);
}

void health_end(struct health_call *c)
{
    if (!c->health)
        return;
    c->health->outstanding--;
    health_end_probe(c);
    *c = (struct health_call){0};
}

bool health_take_retry(struct health *h, uint64_t now_ms)
{
    if (!h)
        return false;
    struct bucket sum = health_sum(h, now_ms);
    /* a repeat is a call as well, but may have been taken before it began, or in another second */
    uint32_t asked = sum.calls > sum.retries ? sum.calls - sum.retries : 0;
    if (sum.retries >= RETRIES_ALWAYS && (sum.retries + 1) * CALLS_PER_RETRY > asked)
        return false;
    health_bucket(h, now_ms)->retries++;
    return true;
}
