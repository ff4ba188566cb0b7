/* task.h: one administrative request on its way to the yard and back. Private to controller/admin.
 *
 * A task has memory of its own, since the client may leave while the yard is at work: what it needs
 * of the request is copied. It ends with the exchange, or, when that is gone, with its work. */

#pragma once

#include "service/admin_desk.h"
#include "model/usage_sums.h"
#include "service/admin_objects.h"
#include "web/exchange.h"
#include "wire/entry_reader.h"

struct admin_view;

struct admin_answer {
    int status;
    struct slice body; /* JSON; empty: none */
    struct slice etag, location;
};

struct admin_task {
    struct admin_job job;
    struct arena arena;
    struct arena page_arena; /* of a list: its rows and the answer made of them; has a limit */
    struct exchange *x;      /* NULL: gone */
    const struct admin_view *view;

    /* On a thread of the yard: asks the services and writes the answer. -EPERM: change.fault says
     * why not. */
    int (*run)(struct admin_task *t, struct admin *a);
    struct admin_change change;
    struct page_wish page;
    struct usage_sums_wish sums;
    struct admin_answer answer;
};

/* What the request is about is filled in: who asks, the {id}, If-Match. NULL: has answered. */
struct admin_task *admin_task_new(struct exchange *x);
/* A copy of the request's body; false: has answered, the task is gone. */
bool admin_task_body(struct admin_task *t, struct slice *ret);
/* Answers at once with the fault; the task is gone. */
void admin_task_refuse(struct admin_task *t, const struct fault *fault);
/* Sends it to the yard; the exchange is answered when it comes back. */
void admin_task_start(struct admin_task *t);
