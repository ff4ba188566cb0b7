/* gateway.c: the main thread's life: start, wait for signals, drain, stop.
 *
 *   STARTING → RUNNING → LEAVING → DRAINING → (exit 0)
 *   RUNNING  → RUNNING    SIGHUP: the configuration is read again
 *   RUNNING  → LEAVING    SIGTERM, SIGINT: /readyz is 503, the rest goes on
 *   LEAVING  → DRAINING   timeouts.drain_delay is over: nothing new is taken
 *   LEAVING, DRAINING → (exit 1)   SIGTERM, SIGINT again: at once; the journals keep the records */

#include "app/gateway.h"

#include "app/command.h"
#include "app/notify.h"
#include "app/worker.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t waited_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

/* Before any thread begins: they all inherit the mask, so that only signal_fd hears. */
static bool open_signals(struct gateway *g)
{
    sigset_t set = waited_signals();

    pthread_sigmask(SIG_BLOCK, &set, NULL);
    g->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    g->ended_fd = eventfd(0, EFD_CLOEXEC);
    if (g->signal_fd >= 0 && g->ended_fd >= 0)
        return true;
    command_complain("no descriptors for signals: %s", log_errno(-errno));
    return false;
}

static void begin_drain(struct gateway *g)
{
    log_event(LOG_INFO, "draining: no new requests", LOG_U64("limit_ms", g->drain_ms), LOG_END);
    atomic_store(&g->draining, true);
    for (unsigned i = 0; i < g->workers_len; i++)
        worker_drain(g->workers[i], g->drain_ms);
}

static void begin_to_leave(struct gateway *g, uint32_t signal_number)
{
    log_event(LOG_INFO, "told to end: not ready any more", LOG_U64("signal", signal_number),
              LOG_U64("drain_delay_ms", g->drain_delay_ms), LOG_END);
    notify_send("STOPPING=1");
    atomic_store(&g->leaving, true);
    g->drain_at_ms = clock_now_ms() + g->drain_delay_ms;
    if (g->drain_delay_ms == 0)
        begin_drain(g);
}

static void on_signal(struct gateway *g)
{
    struct signalfd_siginfo got;

    if (read(g->signal_fd, &got, sizeof(got)) != sizeof(got))
        return;
    if (got.ssi_signo == SIGHUP) {
        if (!atomic_load(&g->leaving))
            gateway_reload(g);
    } else if (atomic_load(&g->leaving)) {
        log_event(LOG_WARN, "ended at once by a second signal", LOG_END);
        log_stop();
        _exit(EXIT_FAILED);
    } else {
        begin_to_leave(g, got.ssi_signo);
    }
}

/* How long to wait for the next thing: what is left of the delay before the drain, or for ever. */
static int patience(struct gateway *g)
{
    if (!atomic_load(&g->leaving) || atomic_load(&g->draining))
        return -1;
    uint64_t now = clock_now_ms();
    return g->drain_at_ms > now ? (int)(g->drain_at_ms - now) : 0;
}

/* Until all workers have ended. */
static void wait_for_end(struct gateway *g)
{
    uint64_t ended = 0, n;

    while (ended < g->workers_len) {
        struct pollfd fds[] = {
            {g->signal_fd, POLLIN, 0},
            {g->ended_fd,  POLLIN, 0}
        };
        if (poll(fds, ARRAY_LEN(fds), patience(g)) < 0)
            continue; /* EINTR */
        if (patience(g) == 0)
            begin_drain(g);
        if (fds[0].revents)
            on_signal(g);
        if (fds[1].revents && read(g->ended_fd, &n, sizeof(n)) == sizeof(n))
            ended += n;
    }
}

/* From here on a signal ends the process in the usual way: what is left may wait for a database. */
static void unblock_signals(void)
{
    sigset_t set = waited_signals();

    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

int gateway_run(const struct gateway_options *options)
{
    struct gateway g = {.options = *options, .signal_fd = -1, .ended_fd = -1};
    int code = EXIT_FAILED;

    if (open_signals(&g) && gateway_start(&g)) {
        wait_for_end(&g);
        code = EXIT_GOOD;
    }
    unblock_signals();
    gateway_stop(&g);
    return code;
}
