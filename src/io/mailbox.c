/* mailbox.c: letters to a loop: a lock-free stack for many senders, emptied in order of posting. */

#include "io/mailbox.h"
#include "io/loop_private.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

struct mailbox {
    uv_async_t async;
    _Atomic(struct mail *) newest;
};

static void mailbox_empty(struct mailbox *box)
{
    struct mail *newest = atomic_exchange_explicit(&box->newest, NULL, memory_order_acquire);
    struct mail *oldest = NULL;

    while (newest) {
        struct mail *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct mail *m = oldest;
        oldest = m->next;
        m->open(m);
    }
}

static void mailbox_on_async(uv_async_t *async)
{
    mailbox_empty(container_of(async, struct mailbox, async));
}

struct mailbox *mailbox_new(struct loop *loop)
{
    struct mailbox *box = calloc(1, sizeof(*box));

    if (!box)
        return NULL;
    if (uv_async_init(loop_uv(loop), &box->async, mailbox_on_async) < 0) {
        free(box);
        return NULL;
    }
    return box;
}

void mailbox_post(struct mailbox *box, struct mail *m)
{
    struct mail *newest = atomic_load_explicit(&box->newest, memory_order_relaxed);

    do
        m->next = newest;
    while (!atomic_compare_exchange_weak_explicit(&box->newest, &newest, m, memory_order_acq_rel,
                                                  memory_order_relaxed));
    uv_async_send(&box->async); /* one system call for all posts until the loop wakes */
}

static void mailbox_on_close(uv_handle_t *handle)
{
    free(container_of((uv_async_t *)handle, struct mailbox, async));
}

void mailbox_free(struct mailbox *box)
{
    if (!box)
        return;
    mailbox_empty(box);
    uv_close((uv_handle_t *)&box->async, mailbox_on_close);
}
