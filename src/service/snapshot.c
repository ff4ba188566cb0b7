/* snapshot.c: how a snapshot reaches requests without a counter that threads share.
 *
 *     slot ──────────▸ published (refs: the slot, each view's pin)
 *                          ▲
 *     view.current ──▸ pin ┘ (holders: requests of this worker)
 *
 * A view pins what it serves: one reference for as long as any of its requests holds the snapshot.
 * The slot's version is the only thing that a request reads of another thread, and it changes only
 * when something was published. */

#include "service/snapshot.h"

#include "router/registry.h"
#include "service/key_service.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct published {
    struct snapshot snapshot;
    atomic_size_t refs;
};

struct snapshot_slot {
    pthread_mutex_t lock;      /* current */
    struct published *current; /* NULL: nothing yet */
    _Atomic uint64_t version;  /* of current; 0: nothing yet */
};

/* What one worker's requests hold of one snapshot. */
struct pin {
    struct published *published;
    size_t holders;
    bool current; /* new requests get it */
};

struct snapshot_view {
    struct snapshot_slot *slot;
    struct pin *current; /* NULL: nothing yet */
    uint64_t version;
};

static void unref(struct published *p)
{
    if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    registry_free((struct registry *)(uintptr_t)p->snapshot.registry);
    key_table_free((struct key_table *)(uintptr_t)p->snapshot.keys);
    free(p);
}

struct snapshot_slot *snapshot_slot_new(void)
{
    struct snapshot_slot *slot = calloc(1, sizeof(*slot));

    if (slot)
        pthread_mutex_init(&slot->lock, NULL);
    return slot;
}

void snapshot_slot_free(struct snapshot_slot *slot)
{
    if (!slot)
        return;
    unref(slot->current);
    pthread_mutex_destroy(&slot->lock);
    free(slot);
}

int snapshot_publish_take(struct snapshot_slot *slot, struct registry *registry,
                          struct key_table *keys)
{
    struct published *p = calloc(1, sizeof(*p));

    if (!p) {
        registry_free(registry);
        key_table_free(keys);
        return -ENOMEM;
    }
    p->snapshot.registry = registry;
    p->snapshot.keys = keys;
    atomic_init(&p->refs, 1);

    pthread_mutex_lock(&slot->lock);
    struct published *old = slot->current;
    p->snapshot.version = atomic_load_explicit(&slot->version, memory_order_relaxed) + 1;
    slot->current = p;
    atomic_store_explicit(&slot->version, p->snapshot.version, memory_order_release);
    pthread_mutex_unlock(&slot->lock);
    unref(old);
    return OK;
}

bool snapshot_ready(const struct snapshot_slot *slot)
{
    return atomic_load_explicit(&slot->version, memory_order_acquire) != 0;
}

static void unpin(struct pin *pin)
{
    if (pin->current || pin->holders)
        return;
    unref(pin->published);
    free(pin);
}

static void retire(struct pin *pin)
{
    if (!pin)
        return;
    pin->current = false;
    unpin(pin);
}

struct snapshot_view *snapshot_view_new(struct snapshot_slot *slot)
{
    struct snapshot_view *view = calloc(1, sizeof(*view));

    if (view)
        view->slot = slot;
    return view;
}

void snapshot_view_free(struct snapshot_view *view)
{
    if (!view)
        return;
    retire(view->current);
    free(view);
}

/* Out of memory: the view stays with what it has and tries again at the next request. */
static void view_refresh(struct snapshot_view *view)
{
    struct snapshot_slot *slot = view->slot;
    struct pin *pin = calloc(1, sizeof(*pin));

    if (!pin)
        return;
    pthread_mutex_lock(&slot->lock);
    pin->published = slot->current;
    atomic_fetch_add_explicit(&pin->published->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&slot->lock);
    pin->current = true;

    retire(view->current);
    view->current = pin;
    view->version = pin->published->snapshot.version;
}

static void release(void *arg)
{
    struct pin *pin = arg;

    pin->holders--;
    unpin(pin);
}

const struct snapshot *snapshot_hold(struct snapshot_view *view, struct arena *a)
{
    if (UNLIKELY(atomic_load_explicit(&view->slot->version, memory_order_acquire) != view->version))
        view_refresh(view);
    struct pin *pin = view->current;
    if (!pin || arena_defer(a, release, pin) < 0)
        return NULL;
    pin->holders++;
    return &pin->published->snapshot;
}
