/* task.c: see task.h.
 *
 *   NEW → REFUSED  [admin_task_refuse]  the request is wrong; answered
 *   NEW → YARD     [admin_task_start]   copied, in the line of the desk
 *   YARD → BACK    [task_done]          answered; freed with the exchange
 *   YARD → ORPHAN  [task_cancel]        the client left; freed in task_done */

#include "controller/admin/task.h"

#include "service/services.h"
#include "web/chain.h"
#include "web/problem.h"
#include "web/reply.h"

#include <errno.h>
#include <stdlib.h>

enum { TASK_MEMORY = 256 << 20, PAGE_MEMORY = 32 << 20, BODY_MOST = 1 << 20 };

static void task_free(void *arg)
{
    struct admin_task *t = arg;

    arena_clear(&t->page_arena);
    arena_clear(&t->arena);
    free(t);
}

/* --- the answer --- */

/* -errno of the store → what the client is told. */
static struct fault fault_of(const struct admin_task *t, int rc)
{
    switch (rc) {
    case -EPERM:
        return t->change.fault;
    case -ENOMEM:
    case -EINVAL:
    case -EEXIST:
        return (struct fault){.kind = FAULT_INTERNAL};
    default:
        return (struct fault){.kind = FAULT_STORE_AWAY};
    }
}

static void task_answer(struct admin_task *t, struct exchange *x, int rc)
{
    const struct admin_answer *answer = &t->answer;

    if (rc < 0) {
        struct fault fault = fault_of(t, rc);
        problem_answer_fault(x, &fault);
        return;
    }
    exchange_header(x, SLICE("cache-control"), SLICE("no-store"));
    if (answer->etag.len)
        exchange_header(x, SLICE("etag"), answer->etag);
    if (answer->location.len)
        exchange_header(x, SLICE("location"), answer->location);
    reply_send(x, answer->status, answer->body.len ? SLICE("application/json") : SLICE(""),
               answer->body);
}

static void task_done(struct admin_job *job, int rc)
{
    struct admin_task *t = container_of(job, struct admin_task, job);
    struct exchange *x = t->x;

    if (!x) {
        task_free(t);
        return;
    }
    x->work = (struct exchange_work){0};
    if (arena_defer(x->arena, task_free, t) < 0) {
        task_free(t);
        problem_answer(x, FAULT_INTERNAL);
        return;
    }
    task_answer(t, x, rc);
}

/* --- the way there --- */

static void task_cancel(struct exchange *x)
{
    struct admin_task *t = x->work.owner;

    if (t)
        t->x = NULL;
    x->work = (struct exchange_work){0};
}

static int task_work(struct admin_job *job, struct admin *a)
{
    struct admin_task *t = container_of(job, struct admin_task, job);

    return t->run(t, a);
}

/* Without the field any version will do; an empty one is good for none. */
static bool copy_if_match(struct admin_task *t, struct exchange *x)
{
    struct slice tags = exchange_field(x, SLICE("if-match"));

    if (!tags.at)
        return true;
    t->change.if_match = arena_copy(&t->arena, tags);
    return t->change.if_match.at;
}

static bool copy_request(struct admin_task *t, struct exchange *x)
{
    struct slice tail = exchange_path_tail(x);

    t->change = (struct admin_change){
        .arena = &t->arena,
        .key = arena_copy(&t->arena, tail),
        .key_id = x->principal->key_id,
        .user_id = x->principal->user_id,
        .request_id = arena_copy(&t->arena, x->request_id),
    };
    return tail.at && slice_is_utf8(tail) && (!tail.len || !memchr(tail.at, 0, tail.len)) &&
           t->change.key.at && t->change.request_id.at && copy_if_match(t, x);
}

struct admin_task *admin_task_new(struct exchange *x)
{
    struct admin_task *t = calloc(1, sizeof(*t));

    if (!t) {
        problem_answer(x, FAULT_INTERNAL);
        return NULL;
    }
    arena_init(&t->arena, TASK_MEMORY);
    arena_init(&t->page_arena, PAGE_MEMORY);
    t->x = x;
    t->view = x->route->owner;
    t->job.work = task_work;
    t->job.done = task_done;
    t->job.mailbox = x->services->mailbox;
    if (copy_request(t, x))
        return t;
    admin_task_refuse(t, &(struct fault){.kind = FAULT_NOT_FOUND});
    return NULL;
}

void admin_task_refuse(struct admin_task *t, const struct fault *fault)
{
    problem_answer_fault(t->x, fault);
    task_free(t);
}

bool admin_task_body(struct admin_task *t, struct slice *ret)
{
    struct slice body = t->x->request->body;

    if (body.len > BODY_MOST) {
        admin_task_refuse(t, &(struct fault){.kind = FAULT_BODY_TOO_LARGE});
        return false;
    }
    *ret = arena_copy(&t->arena, body);
    if (!ret->at)
        admin_task_refuse(t, &(struct fault){.kind = FAULT_INTERNAL});
    return ret->at != NULL;
}

void admin_task_start(struct admin_task *t)
{
    t->x->work = (struct exchange_work){.cancel = task_cancel, .owner = t};
    if (admin_desk_submit(t->x->services->desk, &t->job) >= 0)
        return;
    t->x->work = (struct exchange_work){0};
    admin_task_refuse(t, &(struct fault){.kind = FAULT_STORE_AWAY});
}
