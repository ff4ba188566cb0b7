/* mailbox.h: how another thread makes something happen on a loop. */

#pragma once

#include "base/base.h"
#include "io/loop.h"

struct mailbox;

struct mail {
    struct mail *next;
    void (*open)(struct mail *m); /* runs on the loop; owns the mail from then on */
};

struct mailbox *mailbox_new(struct loop *loop);
/* From any thread, never blocks. The mail must not be in a mailbox already. */
void mailbox_post(struct mailbox *box, struct mail *m);
/* On the loop's thread; opens what is still there. */
void mailbox_free(struct mailbox *box);
