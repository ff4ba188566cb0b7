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
    uint64_t open_until_ms;
    uint64_t rest_ms; /* the next one */
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
    for (size_t i = 0; i < PLACES; i++)
        list_for_each_safe(it, &t->places[i]) health_drop(t, list_entry(it, struct health, node));
    free(t);
}

/* Room for one more: whoever is idle and well has nothing to remember. */
static bool health_make_room(struct health_table *t)
{
    for (size_t i = 0; i < PLACES && t->len >= HEALTH_MAX; i++) {
        list_for_each_safe(it, &t->places[i])
        {
            struct health *h = list_entry(it, struct health, node);
            if (!h->open && h->outstanding == 0)
                health_drop(t, h);
        }
    }
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

/* ---- the circuit ---- */

static void health_open(struct health *h, uint64_t rest_ms, uint64_t now_ms)
{
    h->open = true;
    h->open_until_ms = MAX(h->open_until_ms, now_ms + rest_ms);
}

static void health_close(struct health *h)
{
    h->open = false;
    h->in_a_row = 0;
    h->open_until_ms = 0;
    h->rest_ms = REST_FIRST_MS;
    for (size_t i = 0; i < BUCKETS; i++) /* what was bad before the rest counts no more */
        h->buckets[i].failures = h->buckets[i].judged = 0;
}

static bool health_is_failing(const struct health *h, uint64_t now_ms)
{
    struct bucket sum = health_sum(h, now_ms);

    return h->in_a_row >= FAILURES_IN_A_ROW ||
           (sum.judged >= CALLS_TO_JUDGE && sum.failures * 2 >= sum.judged);
}

static void health_note_failure(struct health *h, bool probe, uint64_t now_ms)
{
    struct bucket *b = health_bucket(h, now_ms);

    b->judged++;
    b->failures++;
    h->in_a_row++;
    if (!probe && (h->open || !health_is_failing(h, now_ms)))
        return;
    health_open(h, h->rest_ms, now_ms);
    h->rest_ms = MIN(h->rest_ms * 2, (uint64_t)REST_MOST_MS);
}

uint64_t health_wait_ms(const struct health *h, uint64_t now_ms)
{
    if (!h || !h->open)
        return 0;
    if (now_ms < h->open_until_ms)
        return h->open_until_ms - now_ms;
    return h->probing ? PROBE_MS : 0;
}

uint64_t health_outstanding(const struct health *h)
{
    return h ? h->outstanding : 0;
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
    struct health *h = c->health;

    if (!h)
        return;
    switch (verdict) {
    case HEALTH_GOOD:
        if (h->open)
            health_close(h);
        h->in_a_row = 0;
        health_bucket(h, now_ms)->judged++;
        break;
    case HEALTH_BAD:
        health_note_failure(h, c->probe, now_ms);
        if (hint_ms)
            health_open(h, MIN(hint_ms, (uint64_t)HINT_MOST_MS), now_ms);
        break;
    case HEALTH_REFUSED:
        health_open(h, h->rest_ms, now_ms);
        h->rest_ms = MIN(h->rest_ms * 2, (uint64_t)REST_MOST_MS);
        break;
    case HEALTH_NEUTRAL:
        break;
    }
}

void health_end(struct health_call *c)
{
    struct health *h = c->health;

    if (!h)
        return;
    h->outstanding--;
    if (c->probe)
        h->probing = false;
    *c = (struct health_call){0};
}

bool health_take_retry(struct health *h, uint64_t now_ms)
{
    if (!h)
        return false;
    struct bucket sum = health_sum(h, now_ms);
    if (sum.retries >= RETRIES_ALWAYS && sum.retries * CALLS_PER_RETRY >= sum.calls)
        return false;
    health_bucket(h, now_ms)->retries++;
    return true;
}
