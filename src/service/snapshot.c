/* snapshot.c: how a snapshot reaches requests without a counter that threads share.
 *
 *     slot ──────────▸ published (refs: the slot, each view's pin) ──▸ parts (refs: snapshots)
 *       ▲                  ▲
 *     view.current ──▸ pin ┘ (holders: requests of this worker)
 *
 * A view pins what it serves: one reference for as long as any of its requests holds the snapshot.
 * The slot's version is the only thing that a request reads of another thread, and it changes only
 * when something was published. A million keys take a while to free, so a worker that lets go last
 * puts the snapshot on the slot's list of the dead. */

#include "service/snapshot.h"

#include "router/registry.h"
#include "service/key_table.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A registry or a table of keys; several snapshots may have the same. */
struct part {
    atomic_size_t refs;
    struct registry *registry; /* one of the two */
    struct key_table *keys;
};

struct published {
    struct snapshot snapshot;
    atomic_size_t refs;
    struct part *registry, *keys;
    struct snapshot_slot *slot;
    struct published *next_dead;
};

struct snapshot_slot {
    pthread_mutex_t lock;      /* what follows but version */
    struct published *current; /* NULL: nothing yet */
    struct published *dead;
    unsigned char hash_key[KEY_HASH_LEN];
    size_t living;            /* published, and neither dead nor freed */
    bool abandoned;           /* its owner has freed it: the last snapshot takes it along */
    _Atomic uint64_t version; /* of current; 0: nothing yet */
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

/* --- parts --- */

/* Takes the thing. NULL: out of memory, it was freed. */
static struct part *part_take(struct registry *registry, struct key_table *keys)
{
    struct part *part = calloc(1, sizeof(*part));

    if (!part) {
        registry_free(registry);
        key_table_free(keys);
        return NULL;
    }
    atomic_init(&part->refs, 1);
    part->registry = registry;
    part->keys = keys;
    return part;
}

static struct part *part_ref(struct part *part)
{
    atomic_fetch_add_explicit(&part->refs, 1, memory_order_relaxed);
    return part;
}

static void part_unref(struct part *part)
{
    if (!part || atomic_fetch_sub_explicit(&part->refs, 1, memory_order_acq_rel) != 1)
        return;
    registry_free(part->registry);
    key_table_free(part->keys);
    free(part);
}

/* --- the end of a snapshot --- */

static void published_free(struct published *p)
{
    part_unref(p->registry);
    part_unref(p->keys);
    free(p);
}

static void slot_destroy(struct snapshot_slot *slot)
{
    pthread_mutex_destroy(&slot->lock);
    free(slot);
}

static void bury(struct published *p)
{
    struct snapshot_slot *slot = p->slot;

    pthread_mutex_lock(&slot->lock);
    bool abandoned = slot->abandoned, last = --slot->living == 0;
    if (!abandoned) {
        p->next_dead = slot->dead;
        slot->dead = p;
    }
    pthread_mutex_unlock(&slot->lock);
    if (!abandoned)
        return;
    published_free(p);
    if (last)
        slot_destroy(slot);
}

static void unref(struct published *p)
{
    if (p && atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
        bury(p);
}

void snapshot_sweep(struct snapshot_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    struct published *dead = slot->dead;
    slot->dead = NULL;
    pthread_mutex_unlock(&slot->lock);
    while (dead) {
        struct published *p = dead;
        dead = p->next_dead;
        published_free(p);
    }
}

/* --- the slot --- */

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
    snapshot_sweep(slot);
    pthread_mutex_lock(&slot->lock);
    bool held = slot->living > 0;
    slot->abandoned = true;
    pthread_mutex_unlock(&slot->lock);
    if (!held)
        slot_destroy(slot);
}

void snapshot_slot_set_hash_key(struct snapshot_slot *slot,
                                const unsigned char hash_key[KEY_HASH_LEN])
{
    pthread_mutex_lock(&slot->lock);
    memcpy(slot->hash_key, hash_key, sizeof(slot->hash_key));
    pthread_mutex_unlock(&slot->lock);
}

static void put_current(struct snapshot_slot *slot, struct published *p)
{
    pthread_mutex_lock(&slot->lock);
    struct published *old = slot->current;
    if (!p->registry)
        p->registry = part_ref(old->registry);
    if (!p->keys)
        p->keys = part_ref(old->keys);
    p->snapshot.registry = p->registry->registry;
    p->snapshot.keys = p->keys->keys;
    memcpy(p->snapshot.hash_key, slot->hash_key, sizeof(slot->hash_key));
    p->snapshot.version = atomic_load_explicit(&slot->version, memory_order_relaxed) + 1;
    slot->current = p;
    slot->living++;
    atomic_store_explicit(&slot->version, p->snapshot.version, memory_order_release);
    pthread_mutex_unlock(&slot->lock);
    unref(old);
}

int snapshot_publish_take(struct snapshot_slot *slot, struct registry *registry,
                          struct key_table *keys)
{
    struct published *p = calloc(1, sizeof(*p));
    struct part *first = registry ? part_take(registry, NULL) : NULL;
    struct part *second = keys ? part_take(NULL, keys) : NULL;

    if (!p || (registry && !first) || (keys && !second)) {
        part_unref(first);
        part_unref(second);
        free(p);
        return -ENOMEM;
    }
    *p = (struct published){.registry = first, .keys = second, .slot = slot};
    atomic_init(&p->refs, 1);
    put_current(slot, p);
    snapshot_sweep(slot);
    return OK;
}

bool snapshot_ready(const struct snapshot_slot *slot)
{
    return atomic_load_explicit(&slot->version, memory_order_acquire) != 0;
}

static struct published *ref_current(struct snapshot_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    struct published *p = slot->current;
    if (p)
        atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&slot->lock);
    return p;
}

const struct snapshot *snapshot_take(struct snapshot_slot *slot)
{
    struct published *p = ref_current(slot);

    return p ? &p->snapshot : NULL;
}

void snapshot_drop(const struct snapshot *snapshot)
{
    if (snapshot)
        unref(container_of(snapshot, struct published, snapshot));
}

/* --- a worker's view --- */

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
    struct pin *pin = calloc(1, sizeof(*pin));

    if (!pin)
        return;
    pin->published = ref_current(view->slot);
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
