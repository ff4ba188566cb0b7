/* loop.c: one thread's event loop over libuv.
 *
 * One uv_timer stands for all timers (timers.c), one uv_prepare runs what was queued for the end of
 * a turn: libuv calls it after timers and pending callbacks, right before it waits.
 *
 * Timers fire behind the sockets of their turn: on a thread that was held up, what came in time is
 * read before the clock that waits for it is judged. libuv would have it the other way round, so
 * its timer only starts a uv_check. */

#include "io/loop.h"
#include "io/loop_private.h"

#include <signal.h>
#include <stdlib.h>
#include <uv.h>

/* How often the end of a turn looks again at what was queued meanwhile, before sockets have a
 * chance again. */
enum { TURN_PASSES = 16 };

struct loop {
    uv_loop_t uv;
    uv_timer_t timer;
    uv_prepare_t prepare;
    uv_check_t check; /* runs while timers are due */
    uv_idle_t idle;   /* runs while work is left over for the next turn: the loop must not wait */
    struct timers timers;
    uint64_t armed_ms; /* when the kernel's timer fires; UINT64_MAX: not armed */
    struct list turn_ends;
    char *scratch;
};

struct uv_loop_s *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

struct timers *loop_timers(struct loop *loop)
{
    return &loop->timers;
}

uint64_t loop_now_ms(const struct loop *loop)
{
    return uv_now(&loop->uv);
}

char *loop_scratch(struct loop *loop)
{
    return loop->scratch;
}

static void loop_on_check(uv_check_t *check)
{
    struct loop *loop = check->data;

    uv_check_stop(check);
    timers_fire(&loop->timers, loop_now_ms(loop));
    uint64_t next = timers_next(&loop->timers);
    if (next != UINT64_MAX)
        loop_wake_at(loop, next);
}

static void loop_on_timer(uv_timer_t *timer)
{
    struct loop *loop = timer->data;

    loop->armed_ms = UINT64_MAX;
    uv_check_start(&loop->check, loop_on_check);
}

void loop_wake_at(struct loop *loop, uint64_t due_ms)
{
    uint64_t now = loop_now_ms(loop);

    if (due_ms >= loop->armed_ms)
        return;
    loop->armed_ms = due_ms;
    uv_timer_start(&loop->timer, loop_on_timer, due_ms > now ? due_ms - now : 0, 0);
}

static void loop_on_idle(uv_idle_t *idle)
{
    uv_idle_stop(idle);
}

/* Runs what is queued now; what it queues itself is left for the next pass. */
static void loop_run_turn_ends(struct loop *loop)
{
    struct list pass;

    list_add(&loop->turn_ends, &pass); /* takes the head's place: pass heads the queued nodes */
    list_remove(&loop->turn_ends);
    while (!list_is_empty(&pass)) {
        struct turn_end *t = list_entry(pass.next, struct turn_end, node);
        list_remove(&t->node);
        t->run(t);
    }
}

static void loop_on_prepare(uv_prepare_t *prepare)
{
    struct loop *loop = prepare->data;

    for (unsigned i = 0; i < TURN_PASSES && !list_is_empty(&loop->turn_ends); i++)
        loop_run_turn_ends(loop);
    if (!list_is_empty(&loop->turn_ends) || uv_is_active((uv_handle_t *)&loop->check))
        uv_idle_start(&loop->idle, loop_on_idle);
}

void turn_end_init(struct turn_end *t, void (*run)(struct turn_end *t))
{
    list_init(&t->node);
    t->run = run;
}

void turn_end_queue(struct loop *loop, struct turn_end *t)
{
    if (list_is_empty(&t->node))
        list_add_tail(&loop->turn_ends, &t->node);
}

void turn_end_cancel(struct turn_end *t)
{
    list_remove(&t->node);
}

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return NULL;
    loop->scratch = malloc(LOOP_SCRATCH);
    if (!loop->scratch || uv_loop_init(&loop->uv) < 0) {
        free(loop->scratch);
        free(loop);
        return NULL;
    }

    /* OpenSSL writes with write(): a peer that left is an error code, never a signal */
    signal(SIGPIPE, SIG_IGN);
    list_init(&loop->turn_ends);
    loop->armed_ms = UINT64_MAX;
    uv_timer_init(&loop->uv, &loop->timer);
    uv_idle_init(&loop->uv, &loop->idle);
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_check_init(&loop->uv, &loop->check);
    loop->timer.data = loop->prepare.data = loop->check.data = loop;
    uv_prepare_start(&loop->prepare, loop_on_prepare);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    uv_close((uv_handle_t *)&loop->timer, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT); /* what was closed lately is freed in its close callback */
    uv_loop_close(&loop->uv);
    timers_free(&loop->timers);
    free(loop->scratch);
    free(loop);
}

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}
